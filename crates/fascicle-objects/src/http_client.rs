//! The client that sends requests to services.
//!
//! It is made here and not by `object_store`, whose own follows redirections: whoever answers in the place of the service could send
//! requests, with what authorises them, to any address that this machine reaches. The services need none, as long as the endpoint and
//! the region are right.

use object_store::{ClientConfigKey, ClientOptions, Error, Result};
use reqwest::{
    Certificate, Client, ClientBuilder, NoProxy, Proxy,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use std::{net::ToSocketAddrs, sync::Arc, time::Duration};

/// What services are told of who asks, unless the caller says something else.
const USER_AGENT: &str = concat!("fascicle/", env!("CARGO_PKG_VERSION"));

/// A client that does what `options` say and follows no redirection.
///
/// Of the options, those that can be given as text are known: certificates and headers that a program passes in memory are not.
pub(crate) fn new(options: &ClientOptions) -> Result<Client> {
    let settings = Settings(options);
    let mut builder = ClientBuilder::new()
        .redirect(Policy::none())
        // The lengths of answers are those of the objects.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .https_only(!settings.holds(ClientConfigKey::AllowHttp)?)
        .user_agent(settings.text(ClientConfigKey::UserAgent).unwrap_or_else(|| USER_AGENT.to_owned()));
    builder = with_proxy(builder, &settings)?;
    if settings.holds(ClientConfigKey::NoSystemCertificates)? {
        builder = builder.tls_certs_only(std::iter::empty());
    }
    if settings.holds(ClientConfigKey::AllowInvalidCertificates)? {
        builder = builder.danger_accept_invalid_certs(true);
    }
    if let Some(time) = settings.duration(ClientConfigKey::Timeout)? {
        builder = builder.timeout(time);
    }
    if let Some(time) = settings.duration(ClientConfigKey::ConnectTimeout)? {
        builder = builder.connect_timeout(time);
    }
    if let Some(time) = settings.duration(ClientConfigKey::ReadTimeout)? {
        builder = builder.read_timeout(time);
    }
    if let Some(time) = settings.duration(ClientConfigKey::PoolIdleTimeout)? {
        builder = builder.pool_idle_timeout(time);
    }
    if let Some(most) = settings.number(ClientConfigKey::PoolMaxIdlePerHost)? {
        builder = builder.pool_max_idle_per_host(most);
    }
    builder = with_versions(builder, &settings)?;
    if settings.holds(ClientConfigKey::RandomizeAddresses)? {
        builder = builder.dns_resolver(Arc::new(AnyAddressFirst));
    }
    builder.build().map_err(failed)
}

fn with_proxy(mut builder: ClientBuilder, settings: &Settings<'_>) -> Result<ClientBuilder> {
    let Some(url) = settings.text(ClientConfigKey::ProxyUrl) else { return Ok(builder) };
    let mut proxy = Proxy::all(url).map_err(failed)?;
    if let Some(certificate) = settings.text(ClientConfigKey::ProxyCaCertificate) {
        let certificate = Certificate::from_pem(certificate.as_bytes()).map_err(failed)?;
        builder = builder.tls_certs_merge(std::iter::once(certificate));
    }
    if let Some(excluded) = settings.text(ClientConfigKey::ProxyExcludes) {
        proxy = proxy.no_proxy(NoProxy::from_string(&excluded));
    }
    Ok(builder.proxy(proxy))
}

fn with_versions(mut builder: ClientBuilder, settings: &Settings<'_>) -> Result<ClientBuilder> {
    if settings.holds(ClientConfigKey::Http1Only)? {
        builder = builder.http1_only();
    }
    if settings.holds(ClientConfigKey::Http2Only)? {
        builder = builder.http2_prior_knowledge();
    }
    if let Some(time) = settings.duration(ClientConfigKey::Http2KeepAliveInterval)? {
        builder = builder.http2_keep_alive_interval(time);
    }
    if let Some(time) = settings.duration(ClientConfigKey::Http2KeepAliveTimeout)? {
        builder = builder.http2_keep_alive_timeout(time);
    }
    if settings.holds(ClientConfigKey::Http2KeepAliveWhileIdle)? {
        builder = builder.http2_keep_alive_while_idle(true);
    }
    if let Some(bytes) = settings.number(ClientConfigKey::Http2MaxFrameSize)? {
        builder = builder.http2_max_frame_size(Some(bytes));
    }
    Ok(builder)
}

/// Options as text, which is how they can be asked for.
struct Settings<'a>(&'a ClientOptions);

impl Settings<'_> {
    fn text(&self, key: ClientConfigKey) -> Option<String> {
        self.0.get_config_value(&key)
    }

    /// Whether a switch is on; the words are those of `object_store`.
    fn holds(&self, key: ClientConfigKey) -> Result<bool> {
        match self.text(key).map(|text| text.to_ascii_lowercase()).as_deref() {
            Some("1" | "true" | "on" | "yes" | "y") => Ok(true),
            None | Some("0" | "false" | "off" | "no" | "n") => Ok(false),
            Some(_) => Err(unreadable(key, "true or false")),
        }
    }

    fn duration(&self, key: ClientConfigKey) -> Result<Option<Duration>> {
        let parse = |text: String| {
            humantime::parse_duration(&text).map_err(|_| unreadable(key, "a duration such as '30s'"))
        };
        self.text(key).map(parse).transpose()
    }

    fn number<T: std::str::FromStr>(&self, key: ClientConfigKey) -> Result<Option<T>> {
        let parse = |text: String| text.parse().map_err(|_| unreadable(key, "a number"));
        self.text(key).map(parse).transpose()
    }
}

/// The error of an option's value, which is not repeated.
fn unreadable(key: ClientConfigKey, wanted: &str) -> Error {
    Error::Generic {
        store: "connections",
        source: format!("the option '{}' is not {wanted}", key.as_ref()).into(),
    }
}

fn failed(error: reqwest::Error) -> Error {
    Error::Generic { store: "connections", source: Box::new(error.without_url()) }
}

/// Gives the addresses of a host in any order, so that the connections of all clients spread over them.
#[derive(Debug)]
struct AnyAddressFirst;

impl Resolve for AnyAddressFirst {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let looked_up = tokio::task::spawn_blocking(move || {
                let mut addresses: Vec<_> = (name.as_str(), 0).to_socket_addrs()?.collect();
                fastrand::shuffle(&mut addresses);
                Ok::<_, std::io::Error>(addresses)
            });
            let addresses = looked_up.await??;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(key: ClientConfigKey, value: &str) -> Result<Client> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        new(&ClientOptions::new().with_config(key, value))
    }

    #[test]
    fn options_are_read_or_refused_without_their_values() {
        for (key, good) in [
            (ClientConfigKey::AllowHttp, "yes"),
            (ClientConfigKey::Timeout, "1m 30s"),
            (ClientConfigKey::PoolMaxIdlePerHost, "3"),
            (ClientConfigKey::ProxyUrl, "http://user:password@localhost:3128"),
        ] {
            made(key, good).unwrap();
            let error = made(key, "://odd").unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(!told.contains("://odd"), "{told}");
        }
    }
}
