"""Submit Training Job: the form, its preview, and the submission itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import (
    Blueprint,
    abort,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.datastructures import MultiDict

from portal.domain.errors import InvalidSpec, PluginFailed
from portal.domain.limits import MAX_YAML
from portal.domain.permission import Permission
from portal.domain.secret_words import tells_of_secret
from portal.domain.storage_path import roots
from portal.http.access import actor, requires
from portal.http.services import services
from portal.services.jobs.listing import JobQuery
from portal.services.submissions.from_yaml import read_yaml
from portal.services.vcs.reading import VirtualCluster
from portal.web.base.frame import current_vc
from portal.web.base.refusals import Errors, plugin_words
from portal.web.base.words import gettext, listed
from portal.web.submit.form import Body, body_of_form, check_form, shown_values
from portal.web.submit.panel import (
    Panel,
    errors_of_job,
    errors_of_plugin,
    panel_of,
    panel_while_typing,
    panel_with_errors,
    secret_titles,
)

blueprint = Blueprint("submit", __name__, url_prefix="/submit")

PAST_IMAGES = 20


@blueprint.get("/")
@requires(Permission.SUBMIT_JOB)
def index() -> Any:
    """The form: empty, from a template, or as an old job was."""
    vc = current_vc()
    if vc is None:
        return render_template("submit/no_vc.html")
    start, emptied = _starting_body(vc)
    values = shown_values(start if start is not None else _first_body(vc))
    return _page(vc, values, fresh=start is None, emptied=emptied)


def _starting_body(vc: VirtualCluster) -> tuple[Body | None, list[str]]:
    """What the form begins with, and the dotted names of the secrets that it lacks."""
    if "clone" in request.args:
        return services().jobs.body(actor(), request.args["clone"])
    if "template" in request.args:
        scope = request.args.get("scope", "user")
        found = services().templates.get(actor(), scope, request.args["template"], vc.name)
        return dict(found["job"]), list(found["emptied"])
    return None, []


def _first_body(vc: VirtualCluster) -> Body:
    """An empty form asks for one device of the first type there is."""
    types = _types(vc)
    return {"device_type": types[0]["name"], "devices": 1} if types else {}


def _page(
    vc: VirtualCluster,
    values: Body,
    *,
    fresh: bool,
    errors: Errors | None = None,
    panel: Panel | None = None,
    pasted: Body | None = None,
    emptied: Sequence[str] = (),
) -> str:
    kinds = sorted(services().registry.job_kinds.values(), key=lambda k: (k.multi_node, k.name))
    chosen = services().registry.job_kinds.get(str(values["kind"]))
    errors, templates = errors or {}, _templates(vc)
    return render_template(
        "submit/submit.html",
        vc=vc,
        values=values,
        errors=errors,
        panel=panel,
        pasted=pasted,
        emptied=emptied,
        emptied_words=listed(secret_titles(emptied)),
        fresh=fresh,
        kinds=kinds,
        multi=bool(chosen and chosen.multi_node),
        types=_types(vc),
        templates=templates,
        known_templates=[f"{item['scope']}/{item['name']}" for item in templates],
        images=_images(vc),
        mount_paths=_mount_paths(),
        advanced_open=any(
            name.split(".")[0] in ("env", "secret_env", "mounts", "registry")
            for name in (*errors, *emptied)
        ),
    )


def _types(vc: VirtualCluster) -> list[dict[str, Any]]:
    """The device types that the VC has a quota of."""
    found = []
    for name, kind in sorted(services().registry.device_types.items()):
        quota = vc.quota.get(name, 0)
        if not quota:
            continue
        usable = vc.usable_quota.get(name, quota)
        counts = list(kind.shape.counts or ())
        found.append(
            {
                "name": name,
                "quota": quota,
                "free": max(usable - vc.used.get(name, 0), 0),
                "usable": usable,
                "most": min(quota, vc.user_limit.get(name, quota)),
                "counts": counts,
                "help": _count_help(kind.title, counts, min(quota, vc.user_limit.get(name, quota))),
            }
        )
    return found


def _count_help(title: str, counts: list[int], quota: int) -> str:
    if not counts:
        return gettext("0 to %(quota)s.", quota=quota)
    text = str(counts[-1])
    if counts[:-1]:
        text = gettext("%(some)s or %(last)s", some=listed(counts[:-1]), last=text)
    return gettext("%(title)s jobs take %(counts)s devices of one node.", title=title, counts=text)


def _templates(vc: VirtualCluster) -> list[dict[str, Any]]:
    chosen = (request.args.get("scope", "user"), request.args.get("template"))
    return [
        {
            "name": item["name"],
            "scope": item["scope"],
            "may_delete": item["may_delete"],
            "href": url_for("submit.index", template=item["name"], scope=item["scope"]),
            "chosen": (item["scope"], item["name"]) == chosen,
        }
        for item in services().templates.visible(actor(), vc.name)
    ]


def _images(vc: VirtualCluster) -> list[str]:
    """Images of the reader's newest jobs, to choose from while typing."""
    page = services().jobs.page(actor(), JobQuery(vc=vc.name, limit=PAST_IMAGES))
    return sorted({job["image"] for job in page.items if job.get("image")})


def _mount_paths() -> dict[str, str]:
    folders = roots(services().settings.storage, actor().username, "<id>", services().clock())
    return dict(folders)


def _sent(vc: VirtualCluster) -> Body:
    kind = services().registry.job_kinds.get(request.form.get("kind", ""))
    return body_of_form(
        request.form, request.form.get("vc") or vc.name, kind.fields if kind else ()
    )


def _usable_vc() -> VirtualCluster:
    vc = current_vc()
    if vc is None:
        abort(403)
    return vc


@blueprint.post("/preview")
@requires(Permission.SUBMIT_JOB)
def preview() -> Any:
    """The side panel for what is typed so far, and the errors of the fields, by name."""
    vc = _usable_vc()
    errors: Errors = {}
    body = _sent(vc)
    try:
        check_form(request.form)
        panel = panel_of(body, vc)
    except InvalidSpec as invalid:
        errors, panel = errors_of_job(invalid), panel_while_typing(invalid, body, vc)
    except PluginFailed as failed:
        errors = errors_of_plugin(failed)
        panel = Panel(corrections=plugin_words(failed))
    return jsonify(
        panel=render_template("submit/panel.html", panel=panel),
        errors=errors,
        secrets=sorted(name for name in body["env"] if tells_of_secret(name)),
    )


@blueprint.post("/")
@requires(Permission.SUBMIT_JOB)
def create() -> Any:
    """Submit. The script gets JSON and keeps the form; without it the page comes back."""
    vc = _usable_vc()
    wants_json = request.accept_mimetypes.best == "application/json"
    try:
        check_form(request.form)
        job = services().jobs.submit(actor(), _sent(vc))
    except InvalidSpec as invalid:
        errors = errors_of_job(invalid)
        if wants_json:
            return jsonify(errors=errors), 422
        return _again(vc, request.form, errors), 422
    except PluginFailed as failed:
        if wants_json:
            raise
        return _again(vc, request.form, errors_of_plugin(failed)), 503
    target = url_for("jobs.brief", job_id=job["id"])
    return (jsonify(location=target), 201) if wants_json else redirect(target, 303)


def _again(vc: VirtualCluster, form: MultiDict[str, str], errors: Errors) -> str:
    values = shown_values(_sent(vc), form)
    return _page(vc, values, fresh=False, errors=errors, panel=panel_with_errors(errors))


@blueprint.post("/yaml")
@requires(Permission.SUBMIT_JOB)
def from_yaml() -> Any:
    """Fill the form from YAML, pasted or from a file; nothing is submitted."""
    vc = _usable_vc()
    file = request.files.get("file")
    text = request.form.get("yaml", "")
    if not text.strip() and file is not None:
        text = file.read(4 * MAX_YAML + 1).decode("utf-8", "replace")
    try:
        body = read_yaml(text)
    except InvalidSpec as invalid:
        pasted = {"text": text[:MAX_YAML], "errors": errors_of_job(invalid)}
        return _page(vc, shown_values(_first_body(vc)), fresh=True, pasted=pasted), 422
    return _page(vc, shown_values(body), fresh=False)


@blueprint.post("/templates")
@requires(Permission.SUBMIT_JOB)
def save_template() -> Any:
    """Keep the whole form under a name, without its secrets; 409 when the name is taken."""
    vc = _usable_vc()
    scope = request.form.get("template_scope", "user")
    name = request.form.get("template_name", "").strip()
    body = {key: value for key, value in _sent(vc).items() if key != "vc" and value != ""}
    overwrite = request.form.get("overwrite") == "true"
    try:
        kept, _ = services().templates.put(actor(), scope, name, vc.name, body, overwrite=overwrite)
    except InvalidSpec as invalid:
        return jsonify(errors=errors_of_job(invalid)), 422
    title = gettext("Template %(name)s is saved", name=kept["name"])
    return jsonify(title=title, text=_not_kept(kept["emptied"]), emptied=kept["emptied"]), 201


def _not_kept(emptied: Sequence[str]) -> str:
    if not emptied:
        return ""
    return gettext("Secrets are not kept: %(names)s.", names=listed(secret_titles(emptied)))


@blueprint.post("/templates/delete")
@requires(Permission.SUBMIT_JOB)
def delete_template() -> Any:
    """Delete one of the templates that the reader may delete."""
    vc = _usable_vc()
    name = request.form.get("template_name", "")
    services().templates.delete(actor(), request.form.get("template_scope", ""), name, vc.name)
    flash(gettext("Template %(name)s is deleted", name=name), "success")
    return redirect(url_for("submit.index"), 303)
