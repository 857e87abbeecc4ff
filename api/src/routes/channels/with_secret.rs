use std::borrow::Cow;

use domain::resource::Channel;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

/// A channel, and the secret that was just made for it.
#[derive(Serialize)]
pub struct ChannelWithSecret {
    /// What can be read of it later.
    #[serde(flatten)]
    pub channel: Channel,
    /// What signs the calls to its callback; null for channels of providers.
    pub signing_secret: Option<String>,
}

// By hand: one object, as it is on the wire. Of two parts, generated clients and checks of the answers make less.
impl PartialSchema for ChannelWithSecret {
    fn schema() -> RefOr<Schema> {
        let mut schema = Channel::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            let secret = ObjectBuilder::new()
                .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
                .description(Some(
                    "What signs the calls to the callback of an `api` channel: a key of Standard Webhooks. It is shown this once. \
                     Null for other kinds.",
                ))
                .examples(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwH1n5rV0xk8Q="]);
            object.properties.insert("signing_secret".to_owned(), secret.build().into());
            object.description = Some("A channel, and the secret that was just made for it.".to_owned());
        }
        schema
    }
}

impl ToSchema for ChannelWithSecret {
    fn name() -> Cow<'static, str> {
        "ChannelWithSecret".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Channel::schemas(schemas);
    }
}
