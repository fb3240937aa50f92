//! What the environment may say.

use chat::upstream::{Key, Service, Settings, Upstream};

const URL: (&str, &str) = ("LLM_BASE_URL", "https://api.example.com/v1");
const KEY: (&str, &str) = ("LLM_API_KEY", "sk-0123456789");
const MODEL: (&str, &str) = ("LLM_MODEL", "a-model");

fn from(vars: &[(&str, &str)]) -> Result<Option<Settings>, String> {
    let get = |name: &str| vars.iter().find(|var| var.0 == name).map(|var| var.1.to_owned());
    Settings::from_vars(get).map_err(|error| error.to_string())
}

#[test]
fn without_variables_it_is_the_fake() {
    assert!(from(&[]).unwrap().is_none());
    assert!(from(&[("LLM_BASE_URL", ""), ("LLM_API_KEY", " "), ("OTHER", "x")]).unwrap().is_none());
}

#[test]
fn a_service_has_a_url_a_model_and_perhaps_a_key() {
    let settings = from(&[URL, KEY, MODEL]).unwrap().unwrap();
    assert_eq!((settings.service, settings.base_url.as_str()), (Service::OpenAi, URL.1));
    assert_eq!((settings.key.is_some(), settings.model.as_str()), (true, MODEL.1));
    let settings = from(&[URL, MODEL, ("LLM_SERVICE", "anthropic")]).unwrap().unwrap();
    assert_eq!((settings.service, settings.key.is_some()), (Service::Anthropic, false));
    let settings = from(&[URL, MODEL, ("LLM_SERVICE", "openai")]).unwrap().unwrap();
    assert_eq!(settings.service, Service::OpenAi);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for (vars, name) in [
        (&[KEY][..], "LLM_BASE_URL"),
        (&[MODEL], "LLM_BASE_URL"),
        (&[("LLM_SERVICE", "openai")], "LLM_BASE_URL"),
        (&[URL, KEY], "LLM_MODEL"),
        (&[URL, MODEL, ("LLM_SERVICE", "mistral")], "LLM_SERVICE"),
        (&[URL, MODEL, ("LLM_API_KEY", "sk-\n0123")], "key"),
    ] {
        let error = from(vars).unwrap_err();
        assert!(error.contains(name) && !error.contains("sk-"), "{error}");
    }
}

#[test]
fn silence_is_some_seconds() {
    let silence = |value: Option<&str>| {
        let get = |name: &str| value.filter(|_| name == "LLM_SILENCE").map(str::to_owned);
        Settings::silence(get).map_err(|error| error.to_string())
    };
    assert_eq!(silence(None), Ok(None));
    assert_eq!(silence(Some("")), Ok(None));
    assert_eq!(silence(Some(" 120 ")), Ok(Some(std::time::Duration::from_secs(120))));
    for bad in ["0", "-1", "2m", "1.5", "18446744073709551615"] {
        assert!(silence(Some(bad)).unwrap_err().contains("LLM_SILENCE"), "{bad}");
    }
}

/// Nothing in it is treated as a secret.
#[tokio::test]
async fn a_base_url_has_no_secrets() {
    let with = |base_url: &str| {
        let settings = from(&[URL, KEY, MODEL]).unwrap().unwrap();
        Upstream::real(Settings { base_url: base_url.to_owned(), ..settings })
    };
    for base_url in [
        "api.example.com/v1",
        "ftp://example.com",
        "https://user@example.com/v1",
        "https://:secret@example.com/v1",
        "https://example.com/v1?key=secret",
        "data:secret",
    ] {
        let error = with(base_url).unwrap_err().to_string();
        assert!(error.contains("LLM_BASE_URL") && !error.contains("secret"), "{error}");
    }
    assert!(with("http://127.0.0.1:1/v1").is_ok());
    assert!(Key::new("").is_err());
}
