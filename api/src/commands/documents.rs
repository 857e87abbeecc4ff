use std::path::PathBuf;

use clap::Args;

use super::Failed;
use crate::openapi::Documents;

/// Write the API's documents.
#[derive(Debug, Args)]
pub struct Openapi {
    /// The folder.
    #[arg(long, default_value = "openapi")]
    folder: PathBuf,
}

impl Openapi {
    /// Writes both documents.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn run(self) -> Result<(), Failed> {
        let documents = Documents::generate();
        std::fs::create_dir_all(&self.folder)?;
        std::fs::write(self.folder.join("openapi.json"), documents.openapi)?;
        std::fs::write(self.folder.join("asyncapi.yaml"), documents.asyncapi)?;
        Ok(())
    }
}
