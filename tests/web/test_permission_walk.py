"""Every route × {anonymous, no role, each single permission, administrator}.

The table is written by hand from the specification (A2, B2, D10, G6); a route that is not in it
fails the walk. What one may do with a single job is in the second table.
"""

from __future__ import annotations

from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Role, User
from house import IDS
from sqlalchemy import event

from portal.domain.permission import Permission
from portal.people.administration import session
from portal.people.passwords import NONE

SUBMIT, MANAGE_VC, VIEW_VC, ALL_JOBS, MANAGE_JOBS, CLUSTER, USERS = (p.value for p in Permission)
EVERY = frozenset(p.value for p in Permission)
WORLD, ACCOUNT, MEMBER = "world", "account", EVERY
JOBS = {SUBMIT, ALL_JOBS, MANAGE_JOBS}
VCS = {VIEW_VC, MANAGE_VC}
LOOK_AT_ALL = {ALL_JOBS, MANAGE_JOBS}

PAGES: dict[Any, str] = {
    WORLD: """SignInView.login SignInView.logout appbuilder.static asset outside.start
        outside.callback outside.sign_up sign_up.index sign_up.create preferences.language
        preferences.theme preferences.zone preferences.keys preferences.columns
        probes.healthz probes.readyz probes.metrics""",
    ACCOUNT: """account.index account.edit account.password account.create_key
        account.revoke_key account.add_ssh_key account.delete_ssh_key outside.bind
        outside.unbind""",
    MEMBER: """home.index home.cards events.stream preferences.virtual_cluster jobs.rows jobs.act
        jobs.priorities
        jobs.brief jobs.brief_body jobs.bar jobs.console jobs.console_choices jobs.download
        jobs.find jobs.head jobs.lines
        jobs.priority jobs.support jobs.ask_support search.index""",
    frozenset(JOBS): "jobs.index jobs.news jobs.export_mine",
    frozenset(LOOK_AT_ALL): "jobs.everyone jobs.export_all",
    frozenset({SUBMIT}): """submit.index submit.create submit.preview submit.from_yaml
        submit.save_template submit.delete_template""",
    frozenset(VCS): "virtual_clusters.index virtual_clusters.fragment",
    frozenset({MANAGE_VC}): """virtual_clusters.add virtual_clusters.modify
        virtual_clusters.delete cluster.cordon""",
    frozenset({CLUSTER}): """cluster.index cluster.nodes cluster.usage cluster.users
        cluster.export""",
    frozenset({MANAGE_VC, USERS}): "plugins.index",
    frozenset({USERS}): """dashboard.index audit.index users.index users.show users.modify
        users.activate users.confirm_disable users.kill_jobs users.roles users.groups
        users.choose users.confirm_delete users.delete
        user_wizard.index user_wizard.check user_wizard.create groups.index groups.show
        groups.modify groups.roles groups.choose_roles groups.users groups.choose_users
        groups.confirm_delete groups.delete groups.new groups.check groups.create roles.index
        roles.show roles.new roles.create roles.modify roles.users roles.groups roles.relate
        roles.confirm_delete roles.delete""",
}
CALLS: dict[Any, str] = {
    WORLD: "TokenApi.login api.show_document api.show_docs",
    ACCOUNT: """api.show_me api.list_api_keys api.create_api_key api.revoke_api_key
        api.list_ssh_keys api.create_ssh_key api.delete_ssh_key""",
    MEMBER: """api.list_jobs api.export_jobs api.show_job api.show_submission
        api.change_job api.pause_job
        api.ask_support api.resume_job api.kill_job api.act_on_jobs api.list_job_events
        api.read_job_logs api.select_vc api.list_device_types api.list_job_kinds api.list_plugins
        api.list_templates api.show_template api.delete_template""",
    frozenset({SUBMIT}): "api.submit_job api.preview_job api.keep_template",
    frozenset(VCS): "api.list_vcs api.show_vc",
    frozenset({MANAGE_VC}): """api.add_vc api.modify_vc api.delete_vc api.cordon_node
        api.uncordon_node""",
    frozenset({CLUSTER}): """api.show_cluster_status api.list_cluster_users
        api.show_cluster_usage api.list_nodes""",
    frozenset({USERS}): """api.search_audit api.list_users api.create_user api.create_users
        api.show_user api.change_user api.delete_user api.list_groups api.create_group
        api.show_group api.change_group api.delete_group api.list_roles api.create_role
        api.show_role api.change_role api.delete_role""",
}
REFRESH = "TokenApi.refresh"
"""Takes a token of its own; see the tests of the API."""
TABLE = {
    endpoint: access
    for table in (PAGES, CALLS)
    for access, names in table.items()
    for endpoint in names.split()
}
WALKERS = ["nobody", "newcomer", *sorted(EVERY), "root"]
PLACES = {
    "job_id": "00000000-0000-0000-0000-000000000000",
    "kind": "users",
    "provider": "wechat",
    "name": "nowhere",
    "scope": "user",
}


def test_every_route_is_in_the_table(web_house):
    routes = {rule.endpoint for rule in web_house.app.url_map.iter_rules()}
    assert routes - {REFRESH} == set(TABLE)


def walker(web_house, browse, name):
    """A browser of somebody with one permission alone, or of the cast."""
    if name not in EVERY:
        return browse(None if name == "nobody" else name)
    with web_house.app.app_context():
        manager = web_house.app.appbuilder.sm
        pair = manager.add_permission_view_menu(f"can_{name}", "PlatformPermission")
        role = Role(name=f"only {name}", permissions=[pair])
        user = User(
            username=f"only-{name}"[:64],
            first_name="x",
            last_name="",
            email=f"{name}@x.invalid",
            password=NONE,
            active=True,
            roles=[role],
        )
        session().add(user)
        session().commit()
        number = user.id
    browser = browse()
    with browser.client.session_transaction() as cookie:
        cookie["_user_id"] = f"{number}.0"
        cookie["_fresh"] = True
    return browser


def requests_of(app):
    """(endpoint, method, address) of every route, with places that lead nowhere."""
    for rule in app.url_map.iter_rules():
        places = {name: PLACES.get(name, "99999") for name in rule.arguments}
        if rule.endpoint in ("users.choose",):
            places["kind"] = "roles"
        with app.test_request_context():
            path = app.url_map.bind("localhost").build(
                rule.endpoint,
                {k: int(v) if v.isdecimal() else v for k, v in places.items()},
                method=next(iter(sorted(rule.methods - {"HEAD", "OPTIONS"}))),
            )
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, path


ASKS_TO_SIGN_IN = {"SignInView.login", "SignInView.logout", "outside.sign_up", "sign_up.create"}
"""Doors themselves: they lead to the sign-in page when there is nothing else to do."""


def let_in(answer) -> bool:
    to_sign_in = answer.status_code in (302, 303) and answer.location.startswith("/login/")
    return answer.status_code not in (401, 403) and not to_sign_in


@pytest.mark.parametrize("name", WALKERS)
def test_the_walk(web_house, browse, name):
    browser = walker(web_house, browse, name)
    header = {"X-CSRFToken": browser.csrf() if name in ("nobody", "newcomer") else token(browser)}
    held = EVERY if name == "root" else {name} & EVERY
    wrong = []
    for endpoint, method, path in requests_of(web_house.app):
        access = TABLE.get(endpoint)
        if access is None or endpoint in ASKS_TO_SIGN_IN:
            continue
        answer = browser.client.open(path, method=method, headers=header)
        answer.close()
        signed_in = name != "nobody"
        if access in (WORLD, ACCOUNT):
            expected = access == WORLD or signed_in
        else:
            expected = bool(held & access)
        if endpoint.startswith("TokenApi"):
            expected = answer.status_code == 422  # no name and no password were sent
        if let_in(answer) != expected:
            wrong.append((endpoint, method, answer.status_code, expected))
        closed = access != WORLD and endpoint.startswith("api.")
        if closed and not signed_in and answer.status_code != 401:
            wrong.append((endpoint, method, answer.status_code, 401))
    assert wrong == []


def token(browser) -> str:
    page = browser.page("/account/")
    return page.split(' data-csrf="')[1].split('"')[0]


#       sees alice's job, may manage it
WHOSE = {
    "alice": (200, True),
    "bob": (404, False),
    "carol": (404, False),
    "vera": (200, False),
    "mona": (200, True),
    "root": (200, True),
    "newcomer": (403, False),
}
LOOKS = ("", "/head", "/brief", "/bar", "/console", "/console/choices", "/lines", "/find", "/log")


@pytest.mark.parametrize(("name", "rights"), WHOSE.items())
def test_a_job_of_alice(web_house, browse, name, rights):
    sees, manages = rights
    job_id = web_house.house.run("alice")
    browser = browse(name)
    for look in LOOKS:
        assert browser.get(f"/jobs/{job_id}{look}").status_code == sees, look
    form = {"priority": "7", "csrf_token": token(browser)}
    browser.client.post(f"/jobs/{job_id}/priority", data=form)
    assert (web_house.house.job(job_id).spec.priority == 7) is manages


def test_no_page_changes_anything_without_its_token(web_house, browse):
    browser = browse("root")
    for endpoint, method, path in requests_of(web_house.app):
        if method == "GET" or endpoint.startswith("TokenApi"):
            continue
        answer = browser.client.open(path, method=method, json={})
        assert answer.status_code == 400, (endpoint, method)


def test_who_asks_costs_two_queries(web_house, browse):
    browser = browse("alice")
    browser.page("/account/")
    asked: list[str] = []
    with web_house.app.app_context():
        engine = session().get_bind()
        event.listen(engine, "before_cursor_execute", lambda c, cu, sql, *rest: asked.append(sql))
    for path in ("/", "/jobs/", "/submit/", "/api/v1/me", "/api/v1/jobs"):
        asked.clear()
        assert browser.get(path).status_code == 200
        assert len(asked) <= 2, (path, asked)


def test_who_may_is_asked_once_on_every_page(web_house, browse):
    """The user and what his roles give: two queries, whatever a page shows."""
    browser = browse("root")
    asked: list[str] = []
    with web_house.app.app_context():
        engine = session().get_bind()
        event.listen(engine, "before_cursor_execute", lambda c, cu, sql, *rest: asked.append(sql))
    walked = 0
    for endpoint, method, path in requests_of(web_house.app):
        if method != "GET" or endpoint in ("events.stream", "asset"):
            continue
        asked.clear()
        answer = browser.get(path.replace("99999", "1"))
        answer.close()
        user = [sql for sql in asked if "FROM ab_user" in sql and "ab_user.password AS" in sql]
        grants = [sql for sql in asked if "UNION ALL" in sql and "ab_permission_view_role" in sql]
        assert len(user) <= 1, (path, user)
        assert len(grants) <= 1, (path, grants)
        walked += bool(grants)
    assert walked > 40


def test_pages_are_kept_by_nobody_and_framed_by_nobody(browse):
    browser = browse("root")
    for path in ("/", "/account/", "/dashboard/", "/dashboard/users/", "/dashboard/audit/"):
        headers = browser.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in headers["Cache-Control"]


def test_the_cast_is_complete():
    assert set(WHOSE) == set(IDS)
