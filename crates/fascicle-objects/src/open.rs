//! Opening stores: from a configuration to a client of the service.

use crate::{
    StoreConfig, StoreLimits, StoreOptions, StorePlace,
    aws_profile::options_of_profile,
    connections::SharedConnector,
    error::ErrorContext,
    local_store::ConfinedLocalStore,
    memory_store::MemoryStore,
    probe::Conditions,
    sanitise::Secrets,
    store::{Children, Store, StoreParts},
};
use fascicle_backend::{Error, ErrorKind, Result};
use object_store::{
    BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey, S3CopyIfNotExists},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    list::PaginatedListStore,
};
use std::{net::Ipv6Addr, str::FromStr, sync::Arc, time::Duration};
use url::{Host, Url};

impl Store {
    /// Opens the store that `config` describes. Nothing is requested yet, except that credentials may be read from files.
    ///
    /// Credentials come from the options, else from the environment, else from the cloud's usual files, else from the
    /// machine that this runs on. Errors: `InvalidInput` for an unknown or malformed option; `WrongKind` when a local place is no
    /// folder.
    pub fn open(config: &StoreConfig) -> Result<Store> {
        let context = ErrorContext {
            secrets: Secrets::of(&everything_said(&config.options)),
            container: config.place.container(),
        };
        let failed = |error| context.error("opening", &config.place.to_string(), error);
        let (objects, children): (Arc<dyn ObjectStore>, Children) = match &config.place {
            StorePlace::Local(path) => {
                refuse_options(&config.options)?;
                let store = Arc::new(ConfinedLocalStore::new(path, &config.local)?);
                (store.clone(), Children::Local(store))
            }
            StorePlace::Memory(name) => {
                refuse_options(&config.options)?;
                (MemoryStore::named(name), Children::OfListing)
            }
            StorePlace::S3 { bucket, .. } => {
                let builder = s3_builder(bucket, config).map_err(|error| opening(error, &failed))?;
                paged(Arc::new(builder.build().map_err(failed)?), false)
            }
            StorePlace::Gcs { bucket, .. } => {
                let builder = gcs_builder(bucket, config).map_err(|error| opening(error, &failed))?;
                paged(Arc::new(builder.build().map_err(failed)?), false)
            }
            StorePlace::Azure { container, account, .. } => {
                let builder = azure_builder(container, account.as_deref(), config)
                    .map_err(|error| opening(error, &failed))?;
                paged(Arc::new(builder.build().map_err(failed)?), true)
            }
        };
        let names_service = |key: &str| is_endpoint(key) || key.contains("account_name");
        let named = config.options.iter().filter(|(key, _)| names_service(key)).map(|(_, value)| value);
        let named = named.collect::<Vec<_>>().join(" ");
        Ok(Store::assemble(StoreParts {
            objects,
            children,
            prefix: config.place.prefix(),
            location: config.place.to_string(),
            service: format!("{} of {} at {named}", config.place.container(), config.place.service()),
            is_durable: !matches!(config.place, StorePlace::Memory(_)),
            conditions: matches!(config.place, StorePlace::Local(_) | StorePlace::Memory(_))
                .then_some(Conditions::ALL),
            read_only: config.read_only,
            coordination: config.coordination.clone(),
            limits: config.limits.clone(),
            context,
        }))
    }
}

fn paged<S: ObjectStore + PaginatedListStore>(
    store: Arc<S>,
    omits_exact: bool,
) -> (Arc<dyn ObjectStore>, Children) {
    (store.clone(), Children::Paged { store, omits_exact })
}

/// An error while the client is configured: ours, or the library's.
enum Opening {
    Ours(Error),
    Theirs(object_store::Error),
}

impl From<Error> for Opening {
    fn from(error: Error) -> Self {
        Opening::Ours(error)
    }
}

impl From<object_store::Error> for Opening {
    fn from(error: object_store::Error) -> Self {
        Opening::Theirs(error)
    }
}

fn opening(error: Opening, failed: &impl Fn(object_store::Error) -> Error) -> Error {
    match error {
        Opening::Ours(error) => error,
        Opening::Theirs(error) => failed(error),
    }
}

fn s3_builder(bucket: &str, config: &StoreConfig) -> Result<AmazonS3Builder, Opening> {
    let mut builder = AmazonS3Builder::from_env();
    let given = |builder: &AmazonS3Builder, key| builder.get_config_value(&key).is_some();
    for (key, value) in config.options.iter() {
        builder = builder.with_config(AmazonS3ConfigKey::from_str(key)?, value);
    }
    let has_credentials = given(&builder, AmazonS3ConfigKey::AccessKeyId)
        || given(&builder, AmazonS3ConfigKey::SecretAccessKey)
        || given(&builder, AmazonS3ConfigKey::WebIdentityTokenFile)
        || given(&builder, AmazonS3ConfigKey::ContainerCredentialsRelativeUri)
        || given(&builder, AmazonS3ConfigKey::ContainerCredentialsFullUri);
    for (key, value) in options_of_profile() {
        let key = AmazonS3ConfigKey::from_str(key)?;
        let is_credential = !matches!(key, AmazonS3ConfigKey::Region | AmazonS3ConfigKey::Endpoint);
        if !(given(&builder, key) || is_credential && has_credentials) {
            builder = builder.with_config(key, value);
        }
    }
    if !given(&builder, AmazonS3ConfigKey::CopyIfNotExists) {
        builder = builder.with_copy_if_not_exists(S3CopyIfNotExists::Multipart);
    }
    let endpoints = [
        builder.get_config_value(&AmazonS3ConfigKey::Endpoint),
        builder.get_config_value(&AmazonS3ConfigKey::S3Endpoint),
    ];
    check_endpoints(endpoints, &config.options)?;
    let client = client_options(config)?;
    Ok(builder
        .with_bucket_name(bucket)
        .with_http_connector(SharedConnector)
        .with_client_options(client)
        .with_retry(retry_config(&config.limits)))
}

fn gcs_builder(bucket: &str, config: &StoreConfig) -> Result<GoogleCloudStorageBuilder, Opening> {
    let mut builder = GoogleCloudStorageBuilder::from_env();
    for (key, value) in config.options.iter() {
        builder = builder.with_config(GoogleConfigKey::from_str(key)?, value);
    }
    check_endpoints([builder.get_config_value(&GoogleConfigKey::BaseUrl)], &config.options)?;
    let client = client_options(config)?;
    Ok(builder
        .with_bucket_name(bucket)
        .with_http_connector(SharedConnector)
        .with_client_options(client)
        .with_retry(retry_config(&config.limits)))
}

fn azure_builder(
    container: &str,
    account: Option<&str>,
    config: &StoreConfig,
) -> Result<MicrosoftAzureBuilder, Opening> {
    let mut builder = MicrosoftAzureBuilder::from_env();
    for (key, value) in config.options.iter() {
        builder = builder.with_config(AzureConfigKey::from_str(key)?, value);
    }
    if let Some(account) = account {
        builder = builder.with_account(account);
    }
    if builder.get_config_value(&AzureConfigKey::AccountName).is_none() {
        return Err(Error::new(ErrorKind::InvalidInput, "the storage account is not known")
            .during("open the place")
            .hint(
                "set the option azure_storage_account_name, or AZURE_STORAGE_ACCOUNT_NAME in the environment",
            )
            .into());
    }
    check_endpoints([builder.get_config_value(&AzureConfigKey::Endpoint)], &config.options)?;
    let client = client_options(config)?;
    Ok(builder
        .with_container_name(container)
        .with_http_connector(SharedConnector)
        .with_client_options(client)
        .with_retry(retry_config(&config.limits)))
}

/// Unencrypted connections are made only to an address that the caller names, and only when the caller allows them.
fn check_endpoints<const N: usize>(endpoints: [Option<String>; N], options: &StoreOptions) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::new(ErrorKind::PermissionDenied, why)
            .during("open the place")
            .hint("use https:, or set the options endpoint and allow_http for a service that you trust on this network"))
    };
    let mut is_explicit = false;
    for endpoint in endpoints.into_iter().flatten() {
        is_explicit |= options.iter().any(|(key, value)| is_endpoint(key) && value == endpoint);
        if hands_out_credentials(&endpoint) {
            return Err(Error::new(
                ErrorKind::PermissionDenied,
                "the address of the service is one at which machines are given credentials",
            )
            .during("open the place")
            .hint("give the address of a service that stores objects"));
        }
        if endpoint.trim_start().to_ascii_lowercase().starts_with("http:")
            && !(is_explicit && allows_http(options))
        {
            return refuse("the address of the service is not encrypted, which was not allowed explicitly");
        }
    }
    if allows_http(options) && !is_explicit {
        return refuse("unencrypted connections are allowed without naming the address of the service");
    }
    Ok(())
}

/// Whether nothing but a machine's own services is at an address: no data may send requests there.
fn hands_out_credentials(endpoint: &str) -> bool {
    /// Where Amazon's machines ask over version 6 of the protocol.
    const AMAZON: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match Url::parse(endpoint.trim()).ok().as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => address.is_link_local(),
        Some(Host::Ipv6(address)) => {
            let mapped = address.to_ipv4_mapped().is_some_and(|address| address.is_link_local());
            mapped || address.is_unicast_link_local() || address == AMAZON
        }
        Some(Host::Domain(name)) => name.trim_end_matches('.') == "metadata.google.internal",
        None => false,
    }
}

fn is_endpoint(key: &str) -> bool {
    key.contains("endpoint") || key.contains("base_url")
}

fn allows_http(options: &StoreOptions) -> bool {
    ["allow_http", "aws_allow_http", "google_allow_http", "azure_allow_http"]
        .iter()
        .any(|key| options.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1"))
}

/// The options of connections, those that the caller names among the others included.
fn client_options(config: &StoreConfig) -> Result<ClientOptions> {
    provide_cryptography();
    let limits = &config.limits;
    let mut options = ClientOptions::new()
        .with_connect_timeout(limits.connect_timeout)
        .with_timeout(limits.request_timeout);
    for (key, value) in config.options.iter() {
        let name =
            ["aws_", "google_", "azure_"].iter().find_map(|prefix| key.strip_prefix(prefix)).unwrap_or(key);
        if let Ok(key) = ClientConfigKey::from_str(name) {
            options = options.with_config(key, value);
        }
    }
    Ok(options)
}

/// Names the implementation of cryptography for the encryption of connections. A program that named another one before
/// keeps that.
fn provide_cryptography() {
    // It fails when there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn retry_config(limits: &StoreLimits) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: limits.max_retries,
        retry_timeout: limits.retry_timeout,
    }
}

/// The options, and what the environment says beside them: all that a text of the service's may repeat.
fn everything_said(options: &StoreOptions) -> StoreOptions {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|prefix| name.starts_with(prefix)));
    let given = options.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    environment.chain(given).collect()
}

fn refuse_options(options: &StoreOptions) -> Result<()> {
    match options.iter().next() {
        None => Ok(()),
        Some((key, _)) => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("the option '{key}' means nothing for a place on this machine"),
        )
        .during("open the place")),
    }
}
