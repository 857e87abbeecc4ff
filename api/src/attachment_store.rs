//! Where the bytes of files lie: a folder, or a bucket by URL. What is known of a file is in the database.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use domain::id::{AttachmentId, WorkspaceId};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, WriteMultipart};
use url::Url;

/// What a bucket is given at once; S3 takes no smaller part but the last.
const BUCKET_PART_BYTES: usize = 5 * 1024 * 1024;
/// What a folder is given at once.
const FOLDER_PART_BYTES: usize = 256 * 1024;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreSettingsError {
    /// The folder cannot be made or used.
    #[error("the folder for attachments {0} cannot be used")]
    Folder(String, #[source] std::io::Error),
    /// The URL, or what the environment adds to it, names no store.
    #[error("TANGGAP_ATTACHMENTS_URL names no store that can be used")]
    Url(#[from] object_store::Error),
}

/// The bytes of files. Clones share everything.
#[derive(Clone)]
pub struct AttachmentStore {
    store: Arc<dyn ObjectStore>,
    /// The folder, if it is one.
    folder: Option<PathBuf>,
}

impl AttachmentStore {
    /// A store in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn folder(folder: &Path) -> Result<Self, StoreSettingsError> {
        let named = |error| StoreSettingsError::Folder(folder.display().to_string(), error);
        std::fs::create_dir_all(folder).map_err(named)?;
        // What was acknowledged survives a crash of the machine.
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), folder: Some(folder.to_owned()) })
    }

    /// A store by URL: `s3://bucket/prefix`, with the credentials that `options` name as AWS's tools do.
    ///
    /// # Errors
    /// If the URL names no store.
    pub fn at(url: &Url, options: HashMap<String, String>) -> Result<Self, StoreSettingsError> {
        let (store, prefix) = object_store::parse_url_opts(url, options)?;
        Ok(Self { store: Arc::new(PrefixStore::new(store, prefix)), folder: None })
    }

    /// Begins to write a file. It is there once [`WriteMultipart::finish`] has answered, and not before.
    ///
    /// # Errors
    /// If the store cannot be reached.
    pub async fn write(
        &self,
        workspace: WorkspaceId,
        id: AttachmentId,
    ) -> Result<WriteMultipart, object_store::Error> {
        self.sweep(workspace, id).await;
        let part = if self.folder.is_some() { FOLDER_PART_BYTES } else { BUCKET_PART_BYTES };
        let upload = self.store.put_multipart(&key(workspace, id)).await?;
        Ok(WriteMultipart::new_with_chunk_size(upload, part))
    }

    /// The bytes of a file, or those of a range.
    ///
    /// # Errors
    /// If it is not there, or the store cannot be reached.
    pub async fn read(
        &self,
        workspace: WorkspaceId,
        id: AttachmentId,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, object_store::Error>>, object_store::Error> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        Ok(self.store.get_opts(&key(workspace, id), options).await?.into_stream().boxed())
    }

    /// Throws a file away; one that is not there is no failure.
    ///
    /// # Errors
    /// If the store cannot be reached.
    pub async fn delete(&self, workspace: WorkspaceId, id: AttachmentId) -> Result<(), object_store::Error> {
        self.sweep(workspace, id).await;
        match self.store.delete(&key(workspace, id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes what a write to the folder left behind whose process died: named like the file, with `#` and a number,
    /// from 1 on. A bucket forgets unfinished uploads by its own rules.
    async fn sweep(&self, workspace: WorkspaceId, id: AttachmentId) {
        let Some(folder) = &self.folder else { return };
        let file = folder.join(workspace.to_string()).join(id.to_string());
        for number in 1.. {
            if tokio::fs::remove_file(format!("{}#{number}", file.display())).await.is_err() {
                break;
            }
        }
    }
}

fn key(workspace: WorkspaceId, id: AttachmentId) -> Key {
    Key::from(format!("{workspace}/{id}"))
}
