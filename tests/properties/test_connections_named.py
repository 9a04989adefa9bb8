"""Properties that name a connection, a deployment, an agent or a variable of the server: what lint says of them."""

from connections.endpoint.agent_place import AgentPlace
from flows.properties.agent import AgentProperty
from flows.properties.agent_connection import AgentConnectionProperty
from flows.properties.connection import ConnectionProperty
from flows.properties.deployment import DeploymentProperty
from flows.properties.environment_name import EnvironmentNameProperty
from tests.properties.test_kinds import NOWHERE, context, said


def test_a_connection_is_looked_at_as_far_as_it_is_used():
    property, missing = (
        ConnectionProperty(label="A"),
        "There is no connection named nope. Choose one, or create it in the panel.",
    )

    assert said(property, "nope") == [(missing, "error")]
    assert said(property, "nope", is_overridden=True) == [(missing, "warning")]
    assert said(property, "nope", connections=None) == []
    assert said(property, "contoso", troubles={"contoso": "It cannot."}) == [("It cannot.", "error")]
    assert said(property, "contoso", troubles={"contoso": "It cannot."}, is_overridden=True) == []


def test_a_connection_of_another_kind_is_a_problem():
    models, databases = ConnectionProperty(label="A"), ConnectionProperty(label="A", kinds=("postgresql", "sqlite"))
    crm = {"connections": {"contoso", "crm"}, "connection_kinds": {"crm": "postgresql"}}

    assert said(models, "contoso", **crm) == said(databases, "crm", **crm) == []
    assert said(models, "crm", **crm) == [("crm is a connection of the kind PostgreSQL. A takes Foundry.", "error")]
    assert said(databases, "contoso", **crm) == [
        ("contoso is a connection of the kind Foundry. A takes PostgreSQL, SQLite file.", "error")
    ]


def test_deployments_that_are_known_to_make_no_embeddings_are_warned_of():
    property = DeploymentProperty(label="Model", of="connection", embeds=True)
    known = {"others": {"connection": "contoso"}, "without_embeddings": {"contoso": {"gpt-4o"}}}
    ((message, severity),) = said(property, " gpt-4o ", **known)
    assert (message.split(",")[0], severity) == ("gpt-4o makes no embeddings", "warning")
    assert said(property, "embed-3", **known) == said(property, "gpt-4o", **{**known, "others": {}}) == []
    assert said(DeploymentProperty(label="Model", of="connection"), "gpt-4o", **known) == []
    assert [property.embeds_with(value) for value in (" gpt-4o ", "{{ n }}", 5, "")] == ["gpt-4o", "", "", ""]
    assert said(property, "{{ nope }}", **{**known, "without_embeddings": {"contoso": {""}}}) == [
        (f"`nope` {NOWHERE}", "error")
    ]
    assert said(property, "", **{**known, "without_embeddings": {"contoso": {""}}}) == []


def test_a_connection_without_agents_is_a_problem_as_far_as_it_is_used():
    property, places = AgentConnectionProperty(label="A"), {"contoso": AgentPlace.NONE}
    (message,) = {message for message, _ in said(property, "contoso", agent_places=places)}
    assert message.startswith("contoso has no agents. ")
    assert said(property, "contoso", agent_places=places) == [(message, "error")]
    assert said(property, "contoso", agent_places=places, is_overridden=True) == [(message, "warning")]
    assert said(property, "contoso", agent_places={"contoso": AgentPlace.PROJECT}) == []
    assert [each for each, _ in said(property, "nope", agent_places={"nope": AgentPlace.NONE})] == [
        "There is no connection named nope. Choose one, or create it in the panel."
    ]


def test_an_agent_of_a_project_has_to_be_chosen():
    property = AgentProperty(label="Agent", of="connection")

    def unset(**changed):
        return [
            finding.message for finding in property.unset_problems(context(others={"connection": "contoso"}, **changed))
        ]

    assert unset(agent_places={"contoso": AgentPlace.PROJECT}) == [
        "Agent is missing. contoso is a Foundry project, which has many."
    ]
    assert unset(agent_places={"contoso": AgentPlace.AGENT}) == unset() == []


def test_a_variable_of_the_server_that_is_not_listed_is_named_short():
    property = EnvironmentNameProperty(label="A")
    ((message, _),) = said(property, " " + "X" * 80)
    assert message.startswith("A: " + "X" * 60 + " is not listed.")
    assert (
        said(property, " CRM_KEY ") == said(property, "{{ t }}") == said(property, "X", environment_secrets=None) == []
    )
