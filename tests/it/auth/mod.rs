mod access_tokens;
mod refresh;
mod sign_in;
