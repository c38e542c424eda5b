"""Signing in with WeChat and Microsoft (A3–A5), against providers that are strict."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from fake_providers import OTHER_KEY, SECRET, FakeProvider
from flask_appbuilder.security.sqla.models import User

from portal.people.administration import session
from portal.settings import Settings
from portal.web.sign_in import outside

MEI = {"openid": "o-1", "unionid": "u-1", "nickname": "梅子"}
HANA = {"oid": "oid-1", "name": "Hana Sato", "preferred_username": "hana@atlas.lan"}
CALLBACK = "/login/oauth/{}/callback"


@pytest.fixture
def provider():
    made = FakeProvider()
    made.person, made.claims = dict(MEI), dict(HANA)
    yield made
    made.close()


@pytest.fixture
def offered(web_house, provider):
    """The application with both ways switched on."""
    settings = Settings(
        data_dir=web_house.house.settings.data_dir,
        wechat_app_id="wx1",
        wechat_app_secret=SECRET,
        wechat_page_url=provider.url,
        wechat_api_url=provider.url,
        microsoft_client_id="client-1",
        microsoft_client_secret=SECRET,
        microsoft_url=provider.url,
    )
    outside.install(web_house.app, settings)
    return provider


def leave(browser, name, **query):
    answer = browser.get(f"/login/oauth/{name}", query_string=query)
    assert answer.status_code == 302
    return answer.location


def come_back(browser, name, back):
    return browser.get(CALLBACK.format(name), query_string=back)


def enter(browser, provider, name):
    return come_back(browser, name, provider.allow(leave(browser, name)))


def refused(browser, answer, said):
    assert answer.status_code == 303
    assert said in browser.page("/login/")
    assert browser.get("/account/").status_code == 302


def accounts(web_house) -> int:
    with web_house.app.app_context():
        return session().query(User).count()


NEW = dict.fromkeys(("password", "password_again"), "a long password") | {"nickname": "Mei"}


def test_what_is_not_configured_is_not_offered(browse):
    browser = browse()
    assert "Sign in with" not in browser.page("/login/")
    for name in ("wechat", "microsoft", "github"):
        assert browser.get(f"/login/oauth/{name}").status_code == 404
        assert browser.get(CALLBACK.format(name)).status_code == 404


def test_both_are_offered(browse, offered):
    page = browse().page("/login/")
    assert "Sign in with WeChat" in page
    assert "Sign in with Microsoft" in page


def test_wechat_gets_its_parameters_in_its_order(browse, offered):
    parts = urlsplit(leave(browse(), "wechat"))
    names = [name for name, _ in parse_qsl(parts.query)]
    assert names == ["appid", "redirect_uri", "response_type", "scope", "state"]
    assert (parts.path, parts.fragment) == ("/connect/qrconnect", "wechat_redirect")


def test_an_unknown_wechat_leads_to_a_sign_up_that_binds(browse, offered, web_house):
    browser = browse()
    answer = enter(browser, offered, "wechat")
    assert answer.location == "/sign-up/identity"
    assert "梅子" in browser.page("/sign-up/identity")
    wrong = browser.post("/sign-up/identity", {**NEW, "username": "alice"})
    assert wrong.status_code == 422
    made = browser.post("/sign-up/identity", {**NEW, "username": "mei"})
    assert made.location == "/"
    assert "Bound as 梅子" in browser.page("/account/")
    again = browse()
    assert enter(again, offered, "wechat").location == "/"
    assert "mei" in again.page("/account/")
    assert accounts(web_house) == 8


def test_the_sign_up_belongs_to_who_came_back(browse):
    browser = browse()
    assert browser.get("/sign-up/identity").location == "/login/"
    assert browser.post("/sign-up/identity", {**NEW, "username": "mei"}).location == "/login/"


def test_microsoft_makes_an_account_without_a_role(browse, offered):
    browser = browse()
    assert enter(browser, offered, "microsoft").location == "/"
    page = browser.page("/account/")
    assert "hana" in page
    assert "Your account has no role yet" in page
    assert browser.get("/").status_code == 403
    again = browse()
    enter(again, offered, "microsoft")
    assert "hana-2" not in again.page("/account/")


def test_a_name_that_is_taken_gets_a_number(browse, offered):
    offered.claims["preferred_username"] = "alice@atlas.lan"
    browser = browse()
    enter(browser, offered, "microsoft")
    assert "alice-2" in browser.page("/account/")


def test_the_address_claims_nothing(browse, offered, web_house):
    """An e-mail address is whatever a tenant's administrator wrote; it opens no account."""
    with web_house.app.app_context():
        session().query(User).filter_by(username="alice").update({"email": "alice@atlas.lan"})
        session().commit()
    offered.claims["email"] = "alice@atlas.lan"
    browser = browse()
    enter(browser, offered, "microsoft")
    assert "hana" in browser.page("/account/")


@pytest.mark.parametrize("name", ["wechat", "microsoft"])
def test_a_code_is_good_once(browse, offered, name):
    browser = browse()
    back = offered.allow(leave(browser, name))
    come_back(browser, name, back)
    other = browse()
    leave(other, name)
    refused(other, come_back(other, name, back), "too old or was used already")


@pytest.mark.parametrize("name", ["wechat", "microsoft"])
@pytest.mark.parametrize("change", [{"state": "guessed"}, {"state": ""}, {"code": "made up"}])
def test_state_and_code_must_be_right(browse, offered, web_house, name, change):
    browser = browse()
    back = {**offered.allow(leave(browser, name)), **change}
    refused(browser, come_back(browser, name, back), "too old or was used already")
    assert accounts(web_house) == 7


@pytest.mark.parametrize("name", ["wechat", "microsoft"])
def test_who_never_left_does_not_come_back(browse, offered, name):
    browser = browse()
    answer = come_back(browser, name, {"code": "x", "state": "y"})
    refused(browser, answer, "too old or was used already")
    assert "/sns/oauth2/access_token" not in offered.asked


def test_saying_no(browse, offered):
    browser = browse()
    back = offered.allow(leave(browser, "wechat"))
    refused(browser, come_back(browser, "wechat", {"state": back["state"]}), "did not allow")
    leave(browser, "microsoft")
    answer = come_back(browser, "microsoft", {"error": "access_denied", "state": "x"})
    refused(browser, answer, "did not allow")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "somebody-else"},
        {"iss": "https://evil.example/v2.0"},
        {"tid": "another-tenant"},
        {"exp": 1},
        {"oid": None, "sub": None},
    ],
)
def test_a_token_that_says_something_else_is_not_trusted(browse, offered, web_house, claims):
    offered.claims.update(claims)
    browser = browse()
    refused(browser, enter(browser, offered, "microsoft"), "")
    assert accounts(web_house) == 7


def test_a_token_by_another_key_is_not_trusted(browse, offered, web_house):
    offered.key = OTHER_KEY
    browser = browse()
    refused(browser, enter(browser, offered, "microsoft"), "cannot be trusted")
    assert accounts(web_house) == 7


@pytest.mark.parametrize("name", ["wechat", "microsoft"])
def test_a_provider_that_is_away_is_said(browse, offered, web_house, name, monkeypatch):
    browser = browse()
    back = offered.allow(leave(browser, name))
    monkeypatch.setattr(offered, "answer", lambda handler, query: handler.connection.close())
    refused(browser, come_back(browser, name, back), "did not answer")


def test_binding_and_unbinding(browse, offered):
    browser = browse("alice")
    answer = browser.post("/account/bind/wechat")
    come_back(browser, "wechat", offered.allow(answer.location))
    assert "Bound as 梅子" in browser.page("/account/")
    stranger = browse()
    assert enter(stranger, offered, "wechat").location == "/"
    assert "alice" in stranger.page("/account/")
    browser.post("/account/unbind/wechat")
    assert "Bound as" not in browser.page("/account/")


def test_an_identity_belongs_to_one_account(browse, offered):
    for name, said in (("alice", "Bound as"), ("bob", "belongs to another account")):
        browser = browse(name)
        answer = browser.post("/account/bind/wechat")
        come_back(browser, "wechat", offered.allow(answer.location))
        assert said in browser.page("/account/")


def test_another_cannot_finish_what_one_began(browse, offered):
    """A binding that was begun is lost when somebody else signs in meanwhile."""
    browser = browse("alice")
    back = offered.allow(browser.post("/account/bind/wechat").location)
    with browser.client.session_transaction() as cookie:
        cookie["_user_id"] = "2.0"
    assert come_back(browser, "wechat", back).status_code == 403


def test_the_last_way_in_stays(browse, offered):
    browser = browse()
    enter(browser, offered, "microsoft")
    answer = browser.post("/account/unbind/microsoft", follow_redirects=True)
    assert "only way into your account" in answer.text
    new = dict.fromkeys(("password", "password_again"), "a long password")
    assert browser.post("/account/password", new).status_code == 303
    browser.post("/account/unbind/microsoft")
    assert "Bound" not in browser.page("/account/").replace("Not bound", "")


def test_without_sign_up_nobody_new_gets_in(browse, offered, web_house):
    web_house.app.config["AOLI_SIGN_UP"] = False
    for name in ("wechat", "microsoft"):
        browser = browse()
        refused(browser, enter(browser, offered, name), "There is no account for this identity")
    assert accounts(web_house) == 7


def test_a_disabled_account_stays_out(browse, offered, web_house):
    enter(browse(), offered, "microsoft")
    with web_house.app.app_context():
        session().query(User).filter_by(username="hana").update({"active": False})
        session().commit()
    browser = browse()
    refused(browser, enter(browser, offered, "microsoft"), "disabled")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil"])
def test_nobody_is_sent_on_to_another_site(browse, offered, target):
    browser = browse()
    back = offered.allow(leave(browser, "microsoft", next=target))
    assert come_back(browser, "microsoft", back).location == "/"


def test_one_comes_to_the_page_one_wanted(browse, offered):
    browser = browse()
    back = offered.allow(leave(browser, "microsoft", next="/jobs/?q=x"))
    assert come_back(browser, "microsoft", back).location == "/jobs/?q=x"
