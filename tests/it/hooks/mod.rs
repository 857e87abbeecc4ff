mod content;
mod deliveries;
mod fixtures;
