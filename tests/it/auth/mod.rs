mod access_tokens;
mod api_keys;
mod refresh;
mod sign_in;
