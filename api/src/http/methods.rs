//! Paths that exist with other methods: 405 with `Allow` instead of 404.

use utoipa::openapi::OpenApi;

/// The documented paths with their methods. What is served is what is documented.
#[derive(Debug, Clone, Default)]
pub struct Methods {
    paths: Vec<(Vec<Option<String>>, String)>,
}

impl Methods {
    /// Reads them from the document.
    #[must_use]
    pub fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter().map(|(path, item)| {
            let has = [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            let allow: Vec<_> = has.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
            (
                segments(path).map(|part| (!part.starts_with('{')).then(|| part.to_owned())).collect(),
                allow.join(", "),
            )
        });
        Self { paths: paths.collect() }
    }

    /// The methods of a path, if it is one.
    #[must_use]
    pub fn allowed(&self, path: &str) -> Option<&str> {
        let fits = |pattern: &[Option<String>]| {
            pattern.len() == segments(path).count()
                && pattern
                    .iter()
                    .zip(segments(path))
                    .all(|(want, part)| want.as_deref().map_or(!part.is_empty(), |want| want == part))
        };
        self.paths.iter().find(|(pattern, _)| fits(pattern)).map(|(_, allow)| allow.as_str())
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim_start_matches('/').split('/')
}
