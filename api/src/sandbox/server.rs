//! The running sandbox.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{Data, PayloadConfig, QueryConfig, ServiceConfig, to};
use actix_web::{App, HttpServer};
use domain::time::Timestamp;

use super::channel::SandboxChannel;
use super::control::refusal::Refusal;
use super::control::{channels, customers, faults, help, templates, write};
use super::exchange::Connection;
use super::shared::{Clock, Shared};
use super::{graph, graph_templates, media, telegram};

/// Bodies may have 3 MB, as Meta's webhooks.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// How to start a sandbox.
#[derive(Clone)]
pub struct SandboxConfig {
    /// Where to listen; port 0 takes a free one. Keep it on loopback: the control API asks nobody for a password.
    pub listen: SocketAddr,
    /// Tells the time: reply windows, rates and timestamps go by it.
    pub clock: Clock,
    /// How long a webhook may take to be answered.
    pub webhook_timeout: Duration,
}

/// A running sandbox. Dropping it stops it without waiting; `stop` waits.
pub struct Sandbox {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    server: ServerHandle,
}

impl Sandbox {
    /// Starts one, inside a running tokio or actix runtime, which also carries its webhooks.
    ///
    /// # Errors
    ///
    /// When the address cannot be had.
    pub async fn start(config: SandboxConfig) -> std::io::Result<Self> {
        let listener = TcpListener::bind(config.listen)?;
        let addr = listener.local_addr()?;
        let base_url = format!("http://{}", reachable(addr));
        let shared = Shared::new(config.clock, config.webhook_timeout, base_url)?;
        let state = Data::new(Arc::clone(&shared));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .app_data(PayloadConfig::new(BODY_LIMIT))
                .app_data(
                    QueryConfig::default()
                        .error_handler(|error, _| Refusal::invalid(format!("query: {error}")).into()),
                )
                .configure(services)
        })
        .on_connect(|connection, extensions| {
            let stream = connection.downcast_ref::<actix_web::rt::net::TcpStream>();
            if let Some(connection) = stream.and_then(Connection::of) {
                extensions.insert(connection);
            }
        })
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { addr, shared, server: handle })
    }

    /// Stops the server and everything on its way.
    pub async fn stop(self) {
        self.shared.abort_all();
        self.server.stop(false).await;
    }

    /// What providers' base URLs have to be set to.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.shared.base_url.clone()
    }

    /// Connects an account; the one with the same id is replaced, and webhooks still on their way go to the new place.
    pub fn connect_channel(&self, channel: SandboxChannel) {
        self.shared.world().connect(channel);
        self.shared.notify();
    }
}

impl Sandbox {
    /// Tells of a customer who wrote before this sandbox was started, so that the reply window is what it was.
    pub fn remember_customer(&self, account: &str, id: &str, name: &str, wrote_at: Timestamp) {
        let mut world = self.shared.world();
        let customer = world.customer(account, id);
        customer.name = Some(name.to_owned());
        customer.last_wrote_at = customer.last_wrote_at.max(Some(wrote_at));
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.abort_all();
        // The command is given here; only its completion is not waited for.
        drop(self.server.stop(false));
    }
}

/// "Everywhere" is no address to call.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V4(_) if addr.ip().is_unspecified() => {
            SocketAddr::from((Ipv4Addr::LOCALHOST, addr.port()))
        }
        SocketAddr::V6(_) if addr.ip().is_unspecified() => {
            SocketAddr::from((Ipv6Addr::LOCALHOST, addr.port()))
        }
        _ => addr,
    }
}

fn services(config: &mut ServiceConfig) {
    config
        .service(help::get_help)
        .service(channels::create_channel)
        .service(channels::list_channels)
        .service(channels::reset_sandbox)
        .service(write::create_customer_message)
        .service(customers::list_customer_messages)
        .service(customers::get_customer)
        .service(customers::update_customer)
        .service(customers::read_customer_messages)
        .service(faults::replace_faults)
        .service(faults::list_faults)
        .service(faults::delete_faults)
        .service(templates::create_template)
        .service(templates::list_templates)
        .service(templates::update_template)
        .service(graph::send_message)
        .service(graph_templates::list_templates)
        .service(graph_templates::create_template)
        .service(graph_templates::delete_template)
        .service(graph_templates::edit_template)
        .service(graph::upload_media)
        .service(graph::upload_attachment)
        .service(graph::get_object)
        .service(media::get_whatsapp_media)
        .service(media::get_messenger_media)
        .service(media::get_telegram_file)
        .service(telegram::route::call_method)
        .default_service(to(help::not_found));
}

/// Runs a sandbox until Ctrl-C.
///
/// # Errors
///
/// When the address cannot be had, or signals cannot be listened for.
pub async fn run(config: SandboxConfig) -> std::io::Result<()> {
    let sandbox = Sandbox::start(config).await?;
    tracing::info!(address = %sandbox.base_url(), "sandbox is listening");
    tokio::signal::ctrl_c().await?;
    sandbox.stop().await;
    Ok(())
}
