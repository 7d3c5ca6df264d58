//! The requester API: problems with field names, idempotency, ownership, pages, the operator's ledger.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use common::{Buyer, DEPOSIT, Server, amount, url};
use lull_coordinator::config::Settings;
use lull_coordinator::operator;
use lull_coordinator::pay::config::{PaySettings, Profile};
use lull_protocol::cose::Signed;
use lull_protocol::statement::OperatorCard;
use serde_json::{Value, json};

fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn keys_are_needed_and_foreign_orders_do_not_exist() {
    let server = Server::start().await;
    let order = server.buyer.order(&["/3/"]).await;
    let nobody = Buyer { key: "lull_0000".into(), ..server.buyer.clone() };
    for path in ["/v1/orders", "/v1/balance", "/v1/ledger", &format!("/v1/orders/{order}")] {
        let answer = nobody.request("GET", path).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((&problem["status"], &problem["title"]), (&json!(401), &json!("No valid key")));
    }
    let key = operator::add_requester(&server.config, "Another", None).unwrap();
    let another = Buyer { key: key.to_string(), ..server.buyer.clone() };
    assert_eq!(another.get(&format!("/v1/orders/{order}")).await.0, 404);
    assert_eq!(another.get(&format!("/v1/orders/{order}/results")).await.0, 404);
    assert_eq!(another.get("/v1/orders").await.1, json!({"orders": []}));
    assert_eq!(server.buyer.get(&format!("/v1/orders/{order}")).await.0, 200);

    let mut worker = server.worker(1).await;
    worker.want(1, 0).await;
    let lease = worker.lease().await;
    worker.deliver(&worker.fetched(&lease, b"page"), b"page").await;
    let path = format!("/v1/results/{}/body", lease.hash);
    assert_eq!(another.get(&path).await.0, 404, "another requester's body");
    assert_eq!(server.buyer.request("GET", &path).send().await.unwrap().status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_request_names_its_fields() {
    let server = Server::start().await;
    let buyer = &server.buyer;
    let post = async |path: &str, body: Value| buyer.json(buyer.request("POST", path).json(&body)).await;
    let (status, problem) = post("/v1/orders", json!({"urls": [], "price": 3, "extra": 1})).await;
    assert_eq!((status, fields(&problem)), (422, vec!["purpose", "price", "extra"]));
    let urls = [url("/3/"), "http://127.0.0.1/".into()];
    let order = json!({"purpose": "x", "urls": urls, "price": {"per_item": 1}});
    let (status, problem) = post("/v1/orders", order).await;
    assert_eq!((status, fields(&problem)), (422, vec!["urls[1]"]));
    let project = json!({"title": "t", "guideline": "g", "question": "q", "options": ["a", "b"], "price": 1,
        "contents": [{"text": "x"}, {"hash": "00", "alt": "y"}], "rule": {"agree": 1}});
    let (status, problem) = post("/v1/projects", project).await;
    assert_eq!((status, fields(&problem)), (422, vec!["contents[1].hash", "rule.people"]));
    let unsent = json!({"title": "t", "guideline": "g", "question": "q", "options": ["a", "b"], "price": 1,
        "contents": [{"hash": "ab".repeat(32), "alt": "y"}], "rule": {"agree": 1, "people": 1}});
    let (status, problem) = post("/v1/projects", unsent).await;
    assert_eq!((status, fields(&problem)), (422, vec!["contents[0].hash"]));
    let equal = json!({"title": "t", "guideline": "g", "question": "q", "type": "compare", "price": 1,
        "contents": [{"left": {"text": "x"}, "right": {"text": "x"}}], "rule": {"agree": 1, "people": 1}});
    let (status, problem) = post("/v1/projects", equal).await;
    assert_eq!((status, fields(&problem)), (422, vec!["contents[0].right"]));
    let (status, _) = buyer.json(buyer.request("POST", "/v1/orders").body("not json")).await;
    assert_eq!(status, 400);
    let put = buyer.request("PUT", &format!("/v1/blobs/{}", "ab".repeat(32)));
    let (status, problem) = buyer.json(put.header("content-type", "image/png").body("x")).await;
    assert_eq!((status, fields(&problem)), (422, vec!["hash"]));
    let put = buyer.request("PUT", &format!("/v1/blobs/{}", "ab".repeat(32))).body(vec![0; 600 * 1024]);
    assert_eq!(buyer.json(put).await.0, 413);
    assert_eq!(buyer.get("/v1/nothing").await.0, 404);
    assert_eq!(buyer.json(buyer.request("DELETE", "/v1/orders")).await.0, 405);
    server.stop().await;
}

#[tokio::test]
async fn the_same_idempotency_key_is_the_same_order() {
    let server = Server::start().await;
    let buyer = &server.buyer;
    let order = |path: &str| json!({"purpose": "x", "urls": [url(path)], "price": {"per_item": 500}});
    let post = async |key: &str, body: Value| {
        buyer.json(buyer.request("POST", "/v1/orders").header("idempotency-key", key).json(&body)).await
    };
    let (status, first) = post("monday", order("/3/")).await;
    assert_eq!(status, 201);
    assert_eq!(post("monday", order("/3/")).await, (201, first.clone()));
    assert_ne!(post("tuesday", order("/3/")).await.1["order"], first["order"]);
    assert_eq!(post("monday", order("/2/")).await.0, 409, "other content under the same key");
    let held = 2 * first["held"].as_u64().unwrap();
    let (_, balance) = buyer.get("/v1/balance").await;
    assert_eq!(balance, json!({"available": DEPOSIT - held, "held": held, "asset": "demo credits"}));
    let dear = json!({"purpose": "x", "urls": [url("/3/")], "price": {"per_item": DEPOSIT}});
    assert_eq!(post("dear", dear).await.0, 402);
    server.stop().await;
}

#[tokio::test]
async fn results_come_in_pages() {
    let server = Server::start().await;
    let order = server.buyer.order(&["/3/a", "/3/b", "/3/c"]).await;
    let mut worker = server.worker(1).await;
    for _ in 0..3 {
        worker.want(1, 0).await;
        let lease = worker.lease().await;
        worker.deliver(&worker.fetched(&lease, b""), b"").await;
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let path = format!("/v1/orders/{order}/results?after={after}&limit=2");
        let text = server.buyer.request("GET", &path).send().await.unwrap().text().await.unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let progress = lines.pop().unwrap();
        seen.extend(lines.iter().map(|line| line["item"].as_u64().unwrap()));
        after = progress["next"].as_u64().unwrap();
        if progress["more"] == json!(false) {
            break;
        }
    }
    assert_eq!(seen, [0, 1, 2]);
    let (status, problem) = server.buyer.get(&format!("/v1/orders/{order}/results?limit=0")).await;
    assert_eq!((status, fields(&problem)), (422, vec!["limit"]));
    assert_eq!(server.buyer.get(&format!("/v1/orders/{order}/results?from=1")).await.0, 400);
    server.stop().await;
}

#[tokio::test]
async fn the_ledger_is_the_operators_and_the_card_is_everyones() {
    let server = Server::start().await;
    let token = std::fs::read_to_string(server.config.data.join("operator.token")).unwrap();
    let operator = Buyer { key: token, ..server.buyer.clone() };
    let text = operator.request("GET", "/v1/ledger").send().await.unwrap().text().await.unwrap();
    let entry: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&entry["number"], &entry["cause"]), (&json!(1), &json!("deposit")));
    assert_eq!(entry["postings"][1]["delta"], json!(DEPOSIT));
    assert_eq!(server.buyer.get("/v1/ledger").await.0, 401);
    operator::deposit(&server.config, "Harbour Library", amount(7), Some("invoice 1".into())).unwrap();
    operator::deposit(&server.config, "Harbour Library", amount(7), Some("invoice 1".into())).unwrap();
    assert_eq!(server.buyer.get("/v1/balance").await.1["available"], json!(DEPOSIT + 7), "counted once");
    assert!(operator::deposit(&server.config, "Nobody", amount(7), None).is_err());

    let (_, card) = server.buyer.get("/v1/card").await;
    assert_eq!(card["fingerprint"], json!(server.coordinator().fingerprint().to_string()));
    let bytes = data_encoding::BASE64.decode(card["card"].as_str().unwrap().as_bytes()).unwrap();
    let card = Signed::<OperatorCard>::verify(&bytes, &server.coordinator()).unwrap();
    assert_eq!((card.payload().asset.as_str(), card.payload().demo), ("demo credits", true));
    server.stop().await;
}

/// What is credited on a chain is shown by `cargo xtask test --only chain`.
#[tokio::test]
async fn without_a_chain_nobody_deposits_and_it_is_said_why() {
    let server = Server::start().await;
    for (method, path) in [("GET", ""), ("POST", ""), ("GET", "/9xQe"), ("POST", "/9xQe/look")] {
        let request = server.buyer.request(method, &format!("/v1/deposits{path}"));
        let (status, problem) = server.buyer.json(request.json(&json!({"amount": 5_000_000}))).await;
        assert_eq!((status, &problem["type"]), (404, &json!("urn:lull:problem:no-deposits")), "{method} {path}");
    }
    server.stop().await;
    // A chain that does not answer.
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("treasury.json");
    let pair = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).to_keypair_bytes();
    std::fs::write(&key, serde_json::to_string(&pair.to_vec()).unwrap()).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let payout = PaySettings {
        chain: Some(Profile::Localnet),
        rpc: Some(vec!["http://127.0.0.1:1/".into()]),
        mint: Some("9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin".into()),
        key: Some(key),
        hour_max: Some(1_000_000_000),
        person_day_max: Some(1_000_000_000),
        sol_price: Some(200_000_000),
        ..PaySettings::default()
    };
    let server = Server::with(Settings { payout, demo: Some(true), ..Settings::default() }).await;
    let request = server.buyer.request("POST", "/v1/deposits").json(&json!({"tokens": "25"}));
    let (status, problem) = server.buyer.json(request).await;
    assert_eq!((status, &problem["type"]), (503, &json!("urn:lull:problem:unavailable")), "{problem}");
    let nobody = Buyer { key: "lull_0000".into(), ..server.buyer.clone() };
    assert_eq!(nobody.get("/v1/deposits").await.0, 401);
    server.stop().await;
}
