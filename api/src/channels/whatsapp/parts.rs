//! Parts of WhatsApp's messages in the words of the product: places, cards, orders, advertisements.

use domain::resource::{
    CardEntry, ContactCard, MessageLocation, MessageOrder, MessageReferral, OrderItem, ProductReference,
};
use serde_json::Value;

use crate::channels::json::{id_at, int_at, number_at, text_at};

/// A place; `None` without its coordinates.
pub(super) fn location(body: &Value) -> Option<MessageLocation> {
    let degrees = |key: &str| body.get(key).and_then(Value::as_f64);
    Some(MessageLocation {
        latitude: degrees("latitude")?,
        longitude: degrees("longitude")?,
        name: text_at(body, "/name"),
        address: text_at(body, "/address"),
        url: text_at(body, "/url"),
        live_period: None,
    })
}

/// One card. Whatever is written in it that the product has a word for is kept.
pub(super) fn card(card: &Value) -> ContactCard {
    let names = || {
        let parts = ["/name/first_name", "/name/middle_name", "/name/last_name"];
        let parts: Vec<_> = parts.iter().filter_map(|pointer| text_at(card, pointer)).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    ContactCard {
        name: text_at(card, "/name/formatted_name").or_else(names),
        phones: entries(card, "phones", |one| text_at(one, "/phone")),
        emails: entries(card, "emails", |one| text_at(one, "/email")),
        organization: text_at(card, "/org/company"),
        title: text_at(card, "/org/title"),
        addresses: entries(card, "addresses", address),
        urls: entries(card, "urls", |one| text_at(one, "/url")),
        birthday: text_at(card, "/birthday"),
    }
}

fn entries(card: &Value, key: &str, value: impl Fn(&Value) -> Option<String>) -> Vec<CardEntry> {
    let items = card.get(key).and_then(Value::as_array).into_iter().flatten();
    let entry = |one: &Value| {
        let (label, external_id) = (text_at(one, "/type"), id_at(one, "/wa_id"));
        Some(CardEntry { value: value(one)?, label, external_id })
    };
    items.filter_map(entry).collect()
}

fn address(address: &Value) -> Option<String> {
    let parts = ["/street", "/city", "/state", "/zip", "/country"];
    let parts: Vec<_> = parts.iter().filter_map(|pointer| text_at(address, pointer)).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// An order; `None` if it is no object.
pub(super) fn order(body: &Value) -> Option<MessageOrder> {
    let items = body.as_object()?.get("product_items").and_then(Value::as_array);
    let item = |item: &Value| OrderItem {
        product_id: id_at(item, "/product_retailer_id"),
        quantity: int_at(item, "/quantity"),
        price: number_at(item, "/item_price"),
        currency: text_at(item, "/currency"),
    };
    Some(MessageOrder {
        catalog_id: id_at(body, "/catalog_id"),
        items: items.into_iter().flatten().map(item).collect(),
    })
}

/// The product that a message asks about.
pub(super) fn product(body: &Value) -> Option<ProductReference> {
    let product = ProductReference {
        catalog_id: id_at(body, "/catalog_id"),
        product_id: id_at(body, "/product_retailer_id"),
    };
    (product != ProductReference::default()).then_some(product)
}

/// The advertisement or post through which a customer came.
pub(super) fn referral(body: &Value) -> Option<MessageReferral> {
    let media = ["/image_url", "/video_url", "/thumbnail_url"];
    let referral = MessageReferral {
        source_type: text_at(body, "/source_type"),
        source_id: id_at(body, "/source_id"),
        source_url: text_at(body, "/source_url"),
        headline: text_at(body, "/headline"),
        body: text_at(body, "/body"),
        media_url: media.iter().find_map(|pointer| text_at(body, pointer)),
        parameter: text_at(body, "/ref"),
        click_id: text_at(body, "/ctwa_clid"),
        product_id: None,
    };
    (referral != MessageReferral::default()).then_some(referral)
}
