//! Credentials and region from the files that the command of AWS keeps: `~/.aws/credentials` and `~/.aws/config`.
//!
//! Only static credentials are taken. What else a profile can say (a single sign-on, a role to take on, a program to ask) is
//! for that command to turn into environment variables.

use std::{collections::BTreeMap, path::PathBuf};

type Section = BTreeMap<String, String>;

/// What a profile says, by the keys of the store's options.
pub(crate) fn options_of_profile() -> BTreeMap<&'static str, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let home = std::env::home_dir();
    let file = |name: &str, default: &str| {
        variable(name).map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".aws").join(default)))
    };
    let read =
        |path: Option<PathBuf>| path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    options_of(
        &read(file("AWS_SHARED_CREDENTIALS_FILE", "credentials")),
        &read(file("AWS_CONFIG_FILE", "config")),
        &variable("AWS_PROFILE").unwrap_or_else(|| "default".to_owned()),
    )
}

fn options_of(credentials: &str, config: &str, profile: &str) -> BTreeMap<&'static str, String> {
    let config_section = if profile == "default" { profile.to_owned() } else { format!("profile {profile}") };
    let mut said = section(config, &config_section);
    said.extend(section(credentials, profile));
    let names = [
        ("aws_access_key_id", "aws_access_key_id"),
        ("aws_secret_access_key", "aws_secret_access_key"),
        ("aws_session_token", "aws_session_token"),
        ("region", "aws_region"),
        ("endpoint_url", "aws_endpoint"),
    ];
    names.into_iter().filter_map(|(name, option)| Some((option, said.remove(name)?))).collect()
}

/// The settings of one section. Indented lines belong to a nested setting and are passed over.
fn section(text: &str, name: &str) -> Section {
    let mut is_inside = false;
    let mut settings = Section::new();
    for line in text.lines() {
        if let Some(heading) = line.trim().strip_prefix('[').and_then(|line| line.split_once(']')) {
            is_inside = heading.0.trim() == name;
        } else if is_inside
            && !line.starts_with([' ', '\t', '#', ';'])
            && let Some((key, value)) = line.split_once('=')
        {
            settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_in_both_files() {
        let credentials =
            "[default]\naws_access_key_id = A\naws_secret_access_key=S=\n\n[lab]\naws_access_key_id=L\n";
        let config = "[default]\nregion = eu-west-1\ns3 =\n  region = nested\n# region = c\n[profile lab]\nregion=eu-north-1\n";
        let default = options_of(credentials, config, "default");
        assert_eq!(default["aws_access_key_id"], "A");
        assert_eq!(default["aws_secret_access_key"], "S=");
        assert_eq!(default["aws_region"], "eu-west-1");
        let lab = options_of(credentials, config, "lab");
        assert_eq!((lab["aws_access_key_id"].as_str(), lab["aws_region"].as_str()), ("L", "eu-north-1"));
        assert_eq!(lab.get("aws_secret_access_key"), None);
        assert!(options_of(credentials, config, "none").is_empty());
        assert!(options_of("not [an] ini = file\n]", "\u{0}", "default").is_empty());
    }
}
