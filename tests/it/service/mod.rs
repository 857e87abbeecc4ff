mod document;
mod problems;
mod process;
