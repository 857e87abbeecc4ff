mod deliveries;
mod fixtures;
