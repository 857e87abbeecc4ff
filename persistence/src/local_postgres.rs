//! A PostgreSQL of our own under the data folder.
