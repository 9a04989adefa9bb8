"""Literal secrets in the documents of all revisions go into encrypted storage; `{"secret": key}` stays."""

import json
import secrets

from django.db import migrations

from connections.secret import Secret

AT_ONCE = 100


def move(apps, schema_editor):
    Flow, Revision, FlowSecret = (apps.get_model("flows", name) for name in ("Flow", "Revision", "FlowSecret"))
    edited = Flow.objects.filter(room="designer")
    heads = edited.exclude(head=None).values_list("slug", "head__document").iterator(chunk_size=AT_ONCE)
    called = {slug: secret_inputs(document) for slug, document in heads}
    pks = list(Revision.objects.filter(flow__in=edited).order_by("pk").values_list("pk", flat=True))
    known = {}  # (flow, literal) -> key: revisions that held the same hold the same
    for start in range(0, len(pks), AT_ONCE):
        for revision in Revision.objects.filter(pk__in=pks[start : start + AT_ONCE]).order_by("pk"):
            made = []

            def keep(literal, flow=revision.flow_id, made=made):
                if (flow, literal) not in known:
                    known[flow, literal] = f"s{secrets.token_hex(6)}"
                    made.append(FlowSecret(flow_id=flow, key=known[flow, literal], value=Secret(literal)))
                return {"secret": known[flow, literal]}

            changed = without_literals(revision.document, keep, called)
            if made or changed != revision.document:
                FlowSecret.objects.bulk_create(made)
                Revision.objects.filter(pk=revision.pk).update(document=changed)


def secret_inputs(document):
    inputs = document.get("inputs") if isinstance(document, dict) else None
    return {
        each.get("name")
        for each in (inputs if isinstance(inputs, list) else [])
        if isinstance(each, dict) and each.get("type") == "secret" and isinstance(each.get("name"), str)
    }


def without_literals(document, keep, called):
    if not isinstance(document, dict):
        return document
    names = secret_inputs(document) | {
        row.get("name") for action in actions_of(document) for row in rows_of(action) if row.get("type") == "secret"
    }
    changed = dict(document)
    if isinstance(document.get("inputs"), list):
        changed["inputs"] = [
            {**each, "default": moved(each["default"], keep, template=False)}
            if isinstance(each, dict) and each.get("type") == "secret" and "default" in each
            else each
            for each in document["inputs"]
        ]
    return in_actions(changed, lambda action: action_changed(action, keep, names, called))


def in_actions(node, change):
    """With every action changed, however deep."""
    if not isinstance(node.get("actions"), list):
        return node
    return {**node, "actions": [change_deep(each, change) if isinstance(each, dict) else each for each in node["actions"]]}


def change_deep(action, change):
    action = change(action)
    if isinstance(action.get("branches"), list):
        lanes = [in_actions(lane, change) if isinstance(lane, dict) else lane for lane in action["branches"]]
        action = {**action, "branches": lanes}
    return action


def actions_of(node):
    for action in node.get("actions") if isinstance(node.get("actions"), list) else []:
        if isinstance(action, dict):
            yield action
            for lane in action.get("branches") if isinstance(action.get("branches"), list) else []:
                if isinstance(lane, dict):
                    yield from actions_of(lane)


def rows_of(action):
    properties = action.get("properties")
    rows = properties.get("variables") if isinstance(properties, dict) else None
    if action.get("type") != "declare_variables" or not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, dict)]


def action_changed(action, keep, names, called):
    properties = action.get("properties")
    if not isinstance(properties, dict):
        return action
    changed = dict(properties)
    match action.get("type"):
        case "create_azure_ai_connection" if "api_key" in properties:
            changed["api_key"] = moved(properties["api_key"], keep)
        case "declare_variables" if isinstance(properties.get("variables"), list):
            changed["variables"] = [
                {**row, "value": moved(row["value"], keep)}
                if isinstance(row, dict) and row.get("type") == "secret" and "value" in row
                else row
                for row in properties["variables"]
            ]
        case "set_variable" if "value" in properties:
            target = properties.get("variable")
            if isinstance(target, str) and target in names:
                changed["value"] = moved(properties["value"], keep)
        case "run_flow" if "inputs" in properties:
            slug = properties.get("flow")
            wanted = called.get(slug.strip(), set()) if isinstance(slug, str) else set()
            changed["inputs"] = inputs_moved(properties["inputs"], wanted, keep)
    return {**action, "properties": changed} if changed != properties else action


def inputs_moved(value, wanted, keep):
    inputs = value
    if isinstance(value, str) and wanted:
        try:
            inputs = json.loads(value)
        except (ValueError, RecursionError):
            return value
    if not isinstance(inputs, dict):
        return value
    changed = {name: moved(each, keep) if name in wanted else each for name, each in inputs.items()}
    return value if changed == inputs else changed


def moved(value, keep, template=True):
    """A default is no template, whatever it looks like; what mixes both stays, and lint says so."""
    if value in (None, "") or (isinstance(value, dict) and set(value) == {"secret"} and isinstance(value["secret"], str)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if template and "{{" in text else keep(text)


class Migration(migrations.Migration):
    dependencies = [("flows", "0006_figures")]

    operations = [migrations.RunPython(move, migrations.RunPython.noop, elidable=True)]
