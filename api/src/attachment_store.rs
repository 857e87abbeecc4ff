//! Where the bytes of files lie: a folder, or a bucket by URL. What is known of a file is in the database.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
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
pub struct AttachmentStore(Arc<dyn ObjectStore>);

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
        Ok(Self(Arc::new(store)))
    }

    /// A store by URL: `s3://bucket/prefix`, with the credentials that `options` name as AWS's tools do.
    ///
    /// # Errors
    /// If the URL names no store.
    pub fn at(url: &Url, options: HashMap<String, String>) -> Result<Self, StoreSettingsError> {
        let (store, prefix) = object_store::parse_url_opts(url, options)?;
        Ok(Self(Arc::new(PrefixStore::new(store, prefix))))
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
        Ok(WriteMultipart::new(self.0.put_multipart(&key(workspace, id)).await?))
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
        Ok(self.0.get_opts(&key(workspace, id), options).await?.into_stream().boxed())
    }

    /// Throws a file away; one that is not there is no failure.
    ///
    /// # Errors
    /// If the store cannot be reached.
    pub async fn delete(&self, workspace: WorkspaceId, id: AttachmentId) -> Result<(), object_store::Error> {
        match self.0.delete(&key(workspace, id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn key(workspace: WorkspaceId, id: AttachmentId) -> Key {
    Key::from(format!("{workspace}/{id}"))
}
