//! Customers' names, which Messenger's webhooks do not tell (Meta, "user profile API").

use serde_json::Value;

use super::outbound::MessengerCredentials;
use crate::channels::ProviderClient;
use crate::channels::client::Answer;
use crate::channels::json::{cut, text_at};

/// The longest name that is kept, in characters.
const NAME_MAX_CHARS: usize = 200;

/// What the provider says of a customer's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileAnswer {
    /// The name.
    Name(String),
    /// It tells none, and asking again will not help: the application may not read profiles, or this
    /// customer has none. That is common for valid customers.
    None,
    /// It did not answer, or not now.
    Later,
}

/// Asks for a customer's name, once.
pub async fn fetch_name(
    client: &ProviderClient,
    credentials: &MessengerCredentials,
    customer: &str,
) -> ProfileAnswer {
    let url = client.graph_url(&[customer]).map(|mut url| {
        url.query_pairs_mut().append_pair("fields", "first_name,last_name");
        url
    });
    match client.get(url, &credentials.access_token).await {
        Answer::Came { status: 200..=299, body, .. } => {
            name(&body).map_or(ProfileAnswer::None, ProfileAnswer::Name)
        }
        Answer::Came { status: 429, .. } => ProfileAnswer::Later,
        Answer::Came { status: 400..=499, .. } | Answer::Unusable { .. } => ProfileAnswer::None,
        Answer::Came { .. } | Answer::NotSent { .. } | Answer::Lost { .. } => ProfileAnswer::Later,
    }
}

fn name(body: &Value) -> Option<String> {
    let parts = ["/first_name", "/last_name"].into_iter().filter_map(|part| text_at(body, part));
    let name = parts.collect::<Vec<_>>().join(" ").trim().to_owned();
    (!name.is_empty()).then(|| cut(name, NAME_MAX_CHARS))
}

#[cfg(test)]
mod tests {
    use super::name;
    use serde_json::json;

    #[test]
    fn a_name_is_what_there_is_of_it() {
        let both = json!({"first_name": "Rina", "last_name": "Marlina"});
        assert_eq!(name(&both).as_deref(), Some("Rina Marlina"));
        assert_eq!(name(&json!({"first_name": "Rina"})).as_deref(), Some("Rina"));
        assert_eq!(name(&json!({"id": "7412583690147258"})), None);
    }
}
