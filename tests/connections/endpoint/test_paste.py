"""What people copy from a terminal, the Code view of the portal or a settings file is read as an endpoint."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connections.endpoint.paste import Paste, read_paste
from connections.endpoint.recognise import parse_endpoint
from connections.secret import Secret

KEY = "planted-key-0123456789"
AZURE = "https://my-res.openai.azure.com"
FOUNDRY = "https://my-res.services.ai.azure.com"
DATED = "2024-12-01-preview"


def clipping(address, key=None, model=None, api_version=None):
    return Paste(address, Secret(key) if key else None, model, api_version)


CURL = {
    "address only": (f"curl {AZURE}/openai/v1/models", clipping(f"{AZURE}/openai/v1/models")),
    "portal, key by header": (
        f'curl -X POST "{AZURE}/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview" \\\n'
        f'  -H "Content-Type: application/json" \\\n  -H "api-key: {KEY}" \\\n'
        """  -d '{"messages": [{"role": "user", "content": "I am going to Paris, what should I see?"}], "model": "gpt-4o"}'""",
        clipping(f"{AZURE}/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview", KEY, "gpt-4o"),
    ),
    "portal, bearer with a variable": (
        f'curl -X POST "{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview" \\\n'
        '    -H "Content-Type: application/json" \\\n    -H "Authorization: Bearer $AZURE_API_KEY" \\\n'
        """    -d '{\n        "messages": [{"role": "user", "content": "See https://example.com"}],\n        "model": "DeepSeek-R1"\n    }'""",
        clipping(f"{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview", None, "DeepSeek-R1"),
    ),
    "bearer key in single quotes": (
        f"curl --request POST --url '{AZURE}/openai/v1/responses' --header 'Authorization: Bearer {KEY}' --data '{{\"model\":\"gpt-4.1\",\"input\":\"x\"}}'",
        clipping(f"{AZURE}/openai/v1/responses", KEY, "gpt-4.1"),
    ),
    "options with equals signs": (
        f'curl --request=POST --url="{AZURE}/openai/v1/responses" --header="api-key: {KEY}"',
        clipping(f"{AZURE}/openai/v1/responses", KEY),
    ),
    "address last": (
        f"curl -H 'api-key: {KEY}' -d '{{\"model\": \"o1\"}}' {AZURE}/openai/v1/chat/completions",
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY, "o1"),
    ),
    "cmd with carets": (
        f'curl -X POST "{AZURE}/openai/v1/chat/completions" ^\r\n  -H "api-key: {KEY}" ^\r\n  -d "{{\\"model\\": \\"gpt-4o\\"}}"',
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY, "gpt-4o"),
    ),
    "copied as cURL (cmd)": (
        f'curl ^"{AZURE}/openai/v1/chat/completions^" ^\n  -H ^"api-key: {KEY}^"',
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY),
    ),
    "gateway in single quotes, behind an empty header": (
        f"curl -H \"\" 'https://gw.contoso.com/v1/chat/completions' -H 'Authorization: bearer {KEY}'",
        clipping("https://gw.contoso.com/v1/chat/completions", KEY),
    ),
    "gateway behind an equals sign": (
        "curl --url=https://gw.contoso.com/v1?team_A=b", clipping("https://gw.contoso.com/v1?team_A=b"),
    ),
    "gateway without a scheme, behind a file": (
        "curl -d body.json gw.contoso.com/v1/chat/completions", clipping("gw.contoso.com/v1/chat/completions"),
    ),
    "the first of two values of a variable": (
        "BASE=https://a.contoso.com/v1\nBASE=https://b.contoso.com/v1\ncurl $BASE/models",
        clipping("https://a.contoso.com/v1/models"),
    ),
    "PowerShell with backticks": (
        f"curl.exe -X POST `\n  {AZURE}/openai/v1/chat/completions `\n  -H 'api-key: {KEY}'",
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY),
    ),
    "lines joined without a separator": (
        f'curl -X POST "{AZURE}/openai/v1/chat/completions" \\  -H "Content-Type: application/json" \\-H "api-key: {KEY}" \\  -d \'{{"messages": [],"model": "gpt-4o"}}\'',
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY, "gpt-4o"),
    ),
    "variables that are defined": (
        f'export AZURE_OPENAI_ENDPOINT="{AZURE}/"\nexport AZURE_OPENAI_API_KEY={KEY}\n'
        'curl "$AZURE_OPENAI_ENDPOINT/openai/v1/chat/completions" -H "api-key: $AZURE_OPENAI_API_KEY"',
        clipping(f"{AZURE}//openai/v1/chat/completions", KEY),
    ),
    "variables in braces, defined below": (
        f"curl ${{AZURE_OPENAI_ENDPOINT}}/openai/v1/models -H 'api-key: ${{AZURE_OPENAI_API_KEY}}'\n\nAZURE_OPENAI_ENDPOINT={AZURE}\n",
        clipping(f"{AZURE}/openai/v1/models"),
    ),
    "variable with another value": (
        f'curl "${{BASE:-{AZURE}}}/openai/v1/models"', clipping(f"{AZURE}/openai/v1/models"),
    ),
    "without a scheme": (
        f"curl -s my-res.openai.azure.com/openai/v1/models -H 'api-key: {KEY}'",
        clipping("my-res.openai.azure.com/openai/v1/models", KEY),
    ),
    "this machine": (
        "curl http://localhost:11434/v1/chat/completions -d '{\"model\": \"llama3\"}'",
        clipping("http://localhost:11434/v1/chat/completions", None, "llama3"),
    ),
    "picture inside the body": (
        f"curl -d '{{\"model\":\"gpt-4o\",\"messages\":[{{\"role\":\"user\",\"content\":[{{\"type\":\"image_url\",\"image_url\":{{\"url\":\"https://example.com/a.png\"}}}}]}}]}}' -H 'api-key: {KEY}' https://gw.example/v1/chat/completions",
        clipping("https://gw.example/v1/chat/completions", KEY, "gpt-4o"),
    ),
    "proxy": (f"curl -x http://proxy.example:3128 {AZURE}/openai/v1/models", clipping(f"{AZURE}/openai/v1/models")),
    "Invoke-RestMethod": (
        f"$headers = @{{ 'api-key' = '{KEY}' }}\nInvoke-RestMethod -Method Post -Uri \"{AZURE}/openai/v1/responses\" -Headers $headers",
        clipping(f"{AZURE}/openai/v1/responses", KEY),
    ),
    "Invoke-RestMethod with variables": (
        f'$env:AZURE_OPENAI_ENDPOINT = "{AZURE}"\nInvoke-RestMethod -Uri "$env:AZURE_OPENAI_ENDPOINT/openai/v1/responses" -Headers @{{"api-key" = $env:AZURE_OPENAI_API_KEY}}',
        clipping(f"{AZURE}/openai/v1/responses"),
    ),
}  # fmt: skip

PYTHON = {
    "portal, AzureOpenAI": (
        f"""import os
from openai import AzureOpenAI

endpoint = "{AZURE}/"
model_name = "gpt-4o"
deployment = "my deployment".replace(" ", "-")
deployment = "my-gpt"

subscription_key = "<your-api-key>"
api_version = "{DATED}"

client = AzureOpenAI(
    api_version=api_version,
    azure_endpoint=endpoint,
    api_key=subscription_key,
)

response = client.chat.completions.create(
    messages=[{{"role": "user", "content": "What's in https://example.com/a.png?"}}],
    max_completion_tokens=4096,
    model=deployment
)
""",
        clipping(f"{AZURE}/openai/deployments/my-gpt?api-version={DATED}", None, "my-gpt", DATED),
    ),
    "portal, environment with defaults": (
        f"""import os
import base64
from openai import AzureOpenAI

endpoint = os.getenv("ENDPOINT_URL", "{AZURE}/")
deployment = os.getenv("DEPLOYMENT_NAME", "gpt-4o")
subscription_key = os.getenv("AZURE_OPENAI_API_KEY", "REPLACE_WITH_YOUR_KEY_VALUE_HERE")

# Initialize Azure OpenAI client with key-based authentication, don't share it
client = AzureOpenAI(
    azure_endpoint=endpoint,
    api_key=subscription_key,
    api_version="2025-01-01-preview",
)
""",
        clipping(f"{AZURE}/openai/deployments/gpt-4o?api-version=2025-01-01-preview", None, "gpt-4o", "2025-01-01-preview"),
    ),
    "portal, v1": (
        f"""from openai import OpenAI

endpoint = "{AZURE}/openai/v1/"
deployment_name = "gpt-5-mini"
api_key = "{KEY}"

client = OpenAI(
    base_url=endpoint,
    api_key=api_key
)
completion = client.chat.completions.create(model=deployment_name, messages=[])
""",
        clipping(f"{AZURE}/openai/v1/", KEY, "gpt-5-mini"),
    ),
    "f-string": (
        f'endpoint = "{AZURE}"\nclient = OpenAI(base_url=f"{{endpoint}}/openai/v1/", api_key=os.environ["AZURE_OPENAI_API_KEY"])',
        clipping(f"{AZURE}/openai/v1/"),
    ),
    "sum": (
        f"endpoint = '{AZURE}'\nclient = OpenAI(base_url=endpoint + '/openai/v1', api_key='{KEY}')\nclient.responses.create(model='gpt-4.1-nano')",
        clipping(f"{AZURE}/openai/v1", KEY, "gpt-4.1-nano"),
    ),
    "sum without blanks, slash removed": (
        f'endpoint="{AZURE}"\nclient=OpenAI(base_url=endpoint.rstrip("/")+"/openai/v1",api_key="{KEY}")',
        clipping(f"{AZURE}/openai/v1", KEY),
    ),
    "one line, everything inside the call": (
        f'client = AzureOpenAI(azure_endpoint="{AZURE}", api_key="{KEY}", api_version="2024-10-21", azure_deployment="a/b")',
        clipping(f"{AZURE}/openai/deployments/a%2Fb?api-version=2024-10-21", KEY, "a/b", "2024-10-21"),
    ),
    "AzureOpenAI without a version": (
        f'AzureChatOpenAI(azure_endpoint="{AZURE}", azure_deployment="d")',
        clipping(f"{AZURE}/openai/deployments/d", None, "d"),
    ),
    "AzureOpenAI without a deployment": (
        f'client = AzureOpenAI(azure_endpoint="{AZURE}", api_version="2024-10-21")',
        clipping(AZURE, None, None, "2024-10-21"),
    ),
    "Azure AI Inference": (
        f"""import os
from azure.ai.inference import ChatCompletionsClient
from azure.core.credentials import AzureKeyCredential

endpoint = "{FOUNDRY}/models"
model_name = "Mistral-Large-2411"

client = ChatCompletionsClient(
    endpoint=endpoint,
    credential=AzureKeyCredential("{KEY}"),
    api_version="2024-05-01-preview"
)
""",
        clipping(f"{FOUNDRY}/models", KEY, "Mistral-Large-2411", "2024-05-01-preview"),
    ),
    "Azure AI Inference with a token": (
        f"""client = ChatCompletionsClient(
    endpoint="{AZURE}/openai/deployments/gpt-4o",
    credential=DefaultAzureCredential(),
    credential_scopes=["https://cognitiveservices.azure.com/.default"],
    api_version="2024-06-01",
)""",
        clipping(f"{AZURE}/openai/deployments/gpt-4o", None, None, "2024-06-01"),
    ),
    "token provider before the address": (
        f"""token_provider = get_bearer_token_provider(DefaultAzureCredential(), "https://cognitiveservices.azure.com/.default")
client = OpenAI(base_url="{AZURE}/openai/v1/", api_key=token_provider)""",
        clipping(f"{AZURE}/openai/v1/"),
    ),
    "project": (
        f'project = AIProjectClient(\n  endpoint="{FOUNDRY}/api/projects/proj", # see https://aka.ms/foundry\n  credential=DefaultAzureCredential())',
        clipping(f"{FOUNDRY}/api/projects/proj"),
    ),
    "requests": (
        f"""import requests
# Docs: https://learn.microsoft.com/azure/ai-foundry
url = "{AZURE}/openai/v1/chat/completions"
headers = {{"api-key": "{KEY}", "Content-Type": "application/json"}}
body = {{"model": "gpt-4o", "messages": [{{"role": "user", "content": "hi"}}]}}
requests.post(url, headers=headers, json=body)""",
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY, "gpt-4o"),
    ),
    "environment read by name": (
        f'os.environ["AZURE_OPENAI_ENDPOINT"] = "{AZURE}"\nos.environ["AZURE_OPENAI_API_KEY"] = "{KEY}"\nclient = AzureOpenAI(azure_endpoint=os.environ["AZURE_OPENAI_ENDPOINT"])',
        clipping(AZURE, KEY),
    ),
    "typed names": (
        f'endpoint: str = "{AZURE}/openai/v1"\napi_key: str = "{KEY}"\nmodel: str = "gpt-4o"',
        clipping(f"{AZURE}/openai/v1", KEY, "gpt-4o"),
    ),
    "another provider": (
        f'client = OpenAI(base_url="https://gw.example/v1", api_key="{KEY}")', clipping("https://gw.example/v1", KEY),
    ),
    "lines joined without a separator": (
        f'import osfrom openai import AzureOpenAIendpoint = "{AZURE}/"model_name = "gpt-4o"deployment = "gpt-4o-2"subscription_key = "{KEY}"api_version = "{DATED}"client = AzureOpenAI(    api_version=api_version,    azure_endpoint=endpoint,    api_key=subscription_key,)',
        clipping(f"{AZURE}/openai/deployments/gpt-4o-2?api-version={DATED}", KEY, "gpt-4o-2", DATED),
    ),
    "lines joined, v1": (
        f'from openai import OpenAIendpoint = "{AZURE}/openai/v1/"deployment_name = "gpt-4o"api_key = "{KEY}"client = OpenAI(    base_url=endpoint,    api_key=api_key)',
        clipping(f"{AZURE}/openai/v1/", KEY, "gpt-4o"),
    ),
}  # fmt: skip

OTHER_LANGUAGES = {
    "C#, AzureOpenAIClient": (
        f"""using Azure;
using Azure.AI.OpenAI;
using OpenAI.Chat;

var endpoint = new Uri("{AZURE}/");
var model = "gpt-4o";
var deploymentName = "my-gpt";
var apiKey = "{KEY}";

AzureOpenAIClient azureClient = new(
    endpoint,
    new AzureKeyCredential(apiKey));
ChatClient chatClient = azureClient.GetChatClient(deploymentName);
""",
        clipping(f"{AZURE}/openai/deployments/my-gpt", KEY, "my-gpt"),
    ),
    "C#, AzureOpenAIClient on one line": (
        f'AzureOpenAIClient c = new AzureOpenAIClient(new Uri("{AZURE}"), new AzureKeyCredential("{KEY}")); var chat = c.GetChatClient("gpt-4o");',
        clipping(f"{AZURE}/openai/deployments/gpt-4o", KEY, "gpt-4o"),
    ),
    "C#, v1": (
        f"""ChatClient client = new(
    credential: new ApiKeyCredential("{KEY}"),
    model: "gpt-4.1",
    options: new OpenAIClientOptions() {{
        Endpoint = new Uri($"{AZURE}/openai/v1/"),
    }});""",
        clipping(f"{AZURE}/openai/v1/", KEY, "gpt-4.1"),
    ),
    "C#, string and sum": (
        f'const string endpoint = "{AZURE}";\nstring model = "gpt-4o";\nstring apiKey = Environment.GetEnvironmentVariable("AZURE_OPENAI_API_KEY") ?? "{KEY}";\nvar options = new OpenAIClientOptions {{ Endpoint = new Uri(endpoint + "/openai/v1") }};',
        clipping(f"{AZURE}/openai/v1", KEY, "gpt-4o"),
    ),
    "C#, inference": (
        f'var endpoint = new Uri("{FOUNDRY}/models");\nvar credential = new AzureKeyCredential(System.Environment.GetEnvironmentVariable("AZURE_AI_CHAT_KEY"));\nvar model = "Phi-4";',
        clipping(f"{FOUNDRY}/models", None, "Phi-4"),
    ),
    "C#, version of the service": (
        f'new AzureOpenAIClient(new Uri("{AZURE}"), cred, new AzureOpenAIClientOptions(AzureOpenAIClientOptions.ServiceVersion.V2024_10_01_Preview))',
        clipping(AZURE, None, None, "2024-10-01-preview"),
    ),
    "JavaScript, AzureOpenAI": (
        f"""import {{ AzureOpenAI }} from "openai";

const endpoint = "{AZURE}/";
const modelName = "gpt-4o";
const deployment = "my-gpt";

export async function main() {{
  const apiKey = "<your-api-key>";
  const apiVersion = "2024-04-01-preview";
  const options = {{ endpoint, apiKey, deployment, apiVersion }}
  const client = new AzureOpenAI(options);
}}""",
        clipping(f"{AZURE}/openai/deployments/my-gpt?api-version=2024-04-01-preview", None, "my-gpt", "2024-04-01-preview"),
    ),
    "JavaScript, OpenAI": (
        f'const client = new OpenAI({{ baseURL: "{AZURE}/openai/v1/", apiKey: "{KEY}" }});\nawait client.responses.create({{ model: "gpt-4o", input: "x" }});',
        clipping(f"{AZURE}/openai/v1/", KEY, "gpt-4o"),
    ),
    "JavaScript, template": (
        f"const endpoint = process.env.AZURE_OPENAI_ENDPOINT || '{AZURE}';\nconst client = new OpenAI({{ baseURL: `${{endpoint}}/openai/v1`, apiKey: process.env.AZURE_OPENAI_API_KEY }});",
        clipping(f"{AZURE}/openai/v1"),
    ),
    "JavaScript, inference": (
        f'const client = ModelClient("{FOUNDRY}/models", new AzureKeyCredential("{KEY}"));\nclient.path("/chat/completions").post({{ body: {{ messages: messages, model: "Phi-4" }} }});',
        clipping(f"{FOUNDRY}/models", KEY, "Phi-4"),
    ),
    "TypeScript": (
        f'const endpoint: string = process.env["ENDPOINT"] ?? "{AZURE}/openai/v1";\nconst modelName: string = "gpt-4o";\nconst key = process.env["KEY"]!;',
        clipping(f"{AZURE}/openai/v1", None, "gpt-4o"),
    ),
    "JavaScript, fetch": (
        f'await fetch("{AZURE}/openai/v1/chat/completions", {{ method: "POST", headers: {{ "api-key": "{KEY}" }}, body: JSON.stringify({{ model: "gpt-4o" }}) }})',
        clipping(f"{AZURE}/openai/v1/chat/completions", KEY, "gpt-4o"),
    ),
    "Java, Azure": (
        f"""OpenAIClient client = new OpenAIClientBuilder()
    .endpoint("{AZURE}")
    .credential(new AzureKeyCredential("{KEY}"))
    .serviceVersion(OpenAIServiceVersion.V2024_06_01)
    .buildClient();
client.getChatCompletions(deploymentName, options);""",
        clipping(AZURE, KEY, None, "2024-06-01"),
    ),
    "Java, OpenAI": (
        f'OpenAIClient client = OpenAIOkHttpClient.builder()\n    .baseUrl("{AZURE}/openai/v1")\n    .apiKey("{KEY}")\n    .azureServiceVersion(AzureOpenAIServiceVersion.fromString("2024-10-21"))\n    .build();\nChatCompletionCreateParams.builder().model("gpt-4o")',
        clipping(f"{AZURE}/openai/v1", KEY, "gpt-4o", "2024-10-21"),
    ),
    "Go, OpenAI": (
        f'client := openai.NewClient(\n\toption.WithBaseURL("{AZURE}/openai/v1/"),\n\toption.WithAPIKey("{KEY}"),\n)\nopenai.ChatCompletionNewParams{{Model: openai.ChatModel("gpt-4o")}}',
        clipping(f"{AZURE}/openai/v1/", KEY, "gpt-4o"),
    ),
    "Go, azure": (
        f'client := openai.NewClient(azure.WithEndpoint("{AZURE}", "2024-10-21"), azure.WithAPIKey("{KEY}"))',
        clipping(AZURE, KEY, None, "2024-10-21"),
    ),
    "Go, constants": (
        f'const azureOpenAIEndpoint = "{AZURE}"\nconst azureOpenAIAPIVersion = "2024-06-01"\nmodelDeployment := "gpt-4o"\nclient := openai.NewClient(azure.WithEndpoint(azureOpenAIEndpoint, azureOpenAIAPIVersion), azure.WithAPIKey(os.Getenv("AZURE_OPENAI_API_KEY")))',
        clipping(AZURE, None, "gpt-4o", "2024-06-01"),
    ),
    "JSON": (
        f'{{\n  "endpoint": "{AZURE}/",\n  "apiKey": "{KEY}",\n  "deployment": "gpt-4o",\n  "apiVersion": "2024-10-21"\n}}',
        clipping(f"{AZURE}/", KEY, "gpt-4o", "2024-10-21"),
    ),
    "JSON without blanks": (
        f'{{"endpoint":"{AZURE}/","apiKey":"{KEY}","deployment":"gpt-4o"}}', clipping(f"{AZURE}/", KEY, "gpt-4o"),
    ),
    "appsettings.json": (
        f'{{ "AzureOpenAI": {{ "Endpoint": "{AZURE}", "ApiKey": "{KEY}", "DeploymentName": "gpt-4o" }} }}', clipping(AZURE, KEY, "gpt-4o"),
    ),
}  # fmt: skip

SETTINGS = {
    "lines": (
        f"# Azure OpenAI\nAZURE_OPENAI_ENDPOINT={AZURE}/\nAZURE_OPENAI_API_KEY={KEY}\nAZURE_OPENAI_DEPLOYMENT_NAME=gpt-4o\nAZURE_OPENAI_API_VERSION={DATED}\n",
        clipping(f"{AZURE}/", KEY, "gpt-4o", DATED),
    ),
    "blanks instead of lines": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}/ AZURE_OPENAI_API_KEY={KEY} AZURE_OPENAI_DEPLOYMENT=gpt-4o OPENAI_API_VERSION=2024-10-21",
        clipping(f"{AZURE}/", KEY, "gpt-4o", "2024-10-21"),
    ),
    "nothing instead of lines": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}/AZURE_OPENAI_API_KEY={KEY}AZURE_OPENAI_DEPLOYMENT=gpt-4o", clipping(f"{AZURE}/", KEY, "gpt-4o"),
    ),
    "one setting": (f"AZURE_OPENAI_ENDPOINT={AZURE}/openai/v1", clipping(f"{AZURE}/openai/v1")),
    "export and quotes": (
        f"export AZURE_OPENAI_ENDPOINT='{AZURE}'\nexport AZURE_OPENAI_API_KEY=\"{KEY}\" # key 1\n", clipping(AZURE, KEY),
    ),
    "set": (f"set AZURE_OPENAI_ENDPOINT={AZURE}\r\nset AZURE_OPENAI_API_KEY={KEY}\r\n", clipping(AZURE, KEY)),
    "PowerShell": (
        f'$env:AZURE_OPENAI_ENDPOINT = "{AZURE}"\n$Env:AZURE_OPENAI_API_KEY = \'{KEY}\'', clipping(AZURE, KEY),
    ),
    "setx": (f'setx AZURE_OPENAI_ENDPOINT "{AZURE}"', clipping(AZURE)),
    "YAML": (
        f"azure:\n  endpoint: {AZURE}/openai/v1\n  api_key: {KEY}\n  model: gpt-4o # chat\n", clipping(f"{AZURE}/openai/v1", KEY, "gpt-4o"),
    ),
    "YAML, upper case": (
        f"OPENAI_BASE_URL: {AZURE}/openai/v1\nOPENAI_API_KEY: {KEY}\nOPENAI_MODEL: o3\n", clipping(f"{AZURE}/openai/v1", KEY, "o3"),
    ),
    "empty key": (f"AZURE_OPENAI_API_KEY=\nAZURE_OPENAI_ENDPOINT={AZURE}\nAZURE_OPENAI_DEPLOYMENT=\n", clipping(AZURE)),
    "empty key, blanks instead of lines": (f"AZURE_OPENAI_API_KEY= AZURE_OPENAI_ENDPOINT={AZURE}", clipping(AZURE)),
    "line that is switched off": (
        f"#AZURE_OPENAI_ENDPOINT=https://old.openai.azure.com\nAZURE_OPENAI_ENDPOINT={AZURE}\n", clipping(AZURE),
    ),
    "other names": (
        f"CONTOSO_API_BASE=https://gw.example/v1\nCONTOSO_KEY={KEY}\nCONTOSO_CHAT_MODEL=gpt-4o", clipping("https://gw.example/v1", KEY, "gpt-4o"),
    ),
    "settings of an application": (
        "SECRET_KEY=django-insecure-0123456789\nAZURE_SEARCH_ENDPOINT=https://s.search.windows.net\nAZURE_SEARCH_KEY=planted-search-key\n"
        f"DATABASE_URL=https://db.example\nAZURE_OPENAI_EMBEDDING_DEPLOYMENT=emb\nAZURE_OPENAI_ENDPOINT={AZURE}\nOPENAI_API_KEY=planted-other-key\nAZURE_OPENAI_KEY={KEY}\nAZURE_OPENAI_CHAT_DEPLOYMENT=gpt-4o\n",
        clipping(AZURE, KEY, "gpt-4o"),
    ),
    "key with signs of base64": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}\nAZURE_OPENAI_API_KEY=planted+key/0123456789==\n", clipping(AZURE, "planted+key/0123456789=="),
    ),
    "key that ends like a name": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}\nAZURE_OPENAI_API_KEY=WcOyYPlX4plantedKey0123456789tk=\n", clipping(AZURE, "WcOyYPlX4plantedKey0123456789tk="),
    ),
    "two empty settings": (f"AZURE_OPENAI_API_KEY= AZURE_OPENAI_DEPLOYMENT= AZURE_OPENAI_ENDPOINT={AZURE}", clipping(AZURE)),
    "key of letters and digits only": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}\nAZURE_OPENAI_API_KEY=plantedkey0123456789abcdef\n", clipping(AZURE, "plantedkey0123456789abcdef"),
    ),
    "reference to another setting": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}\nOPENAI_BASE_URL=${{AZURE_OPENAI_ENDPOINT}}/openai/v1\n", clipping(f"{AZURE}/openai/v1"),
    ),
    "known host without a scheme": ("AZURE_OPENAI_ENDPOINT=my-res.openai.azure.com\n", clipping("my-res.openai.azure.com")),
    "lists of pairs": (
        f'[{{"name":"AZURE_OPENAI_ENDPOINT","value":"{AZURE}"}},{{"name": "AZURE_OPENAI_API_KEY", "value": "{KEY}"}}]', clipping(AZURE, KEY),
    ),
    "XML": (
        f'<add key="AzureOpenAI:Endpoint" value="{AZURE}" />\n<add key="AzureOpenAI:ApiKey" value="{KEY}" />', clipping(AZURE, KEY),
    ),
    "before a command": (f"OPENAI_BASE_URL={AZURE}/openai/v1 OPENAI_API_KEY={KEY} python app.py", clipping(f"{AZURE}/openai/v1", KEY)),
    "docker": (f"docker run -e AZURE_OPENAI_ENDPOINT={AZURE} -e AZURE_OPENAI_API_KEY={KEY} image", clipping(AZURE, KEY)),
    "labels": (f"Endpoint: {AZURE}/openai/v1\nKey: {KEY}", clipping(f"{AZURE}/openai/v1", KEY)),
    "prose": (f"Please use {AZURE}/openai/v1, it is new.", clipping(f"{AZURE}/openai/v1")),
    "address and key": (f"{AZURE}/openai/v1\napi-key: {KEY}", clipping(f"{AZURE}/openai/v1", KEY)),
    "documentation beside the address": (
        f"As in https://learn.microsoft.com/azure and https://github.com/a/b use {AZURE}", clipping(AZURE),
    ),
    "a request to the named address": (
        "docs: https://gw.contoso.com/docs\nendpoint: https://gw.contoso.com\nurl: https://gw.contoso.com/v1",
        clipping("https://gw.contoso.com/v1"),
    ),
    "an address in a sentence": (
        f"We use https://gw.contoso.com/v1, api_key: {KEY}", clipping("https://gw.contoso.com/v1", KEY),
    ),
    "addresses and keys of other services first": (
        f"SEARCH_ENDPOINT=https://s.contoso.com\nSEARCH_KEY={KEY[::-1]}\nMY_BASE_URL=https://gw.contoso.com/v1\nKEY={KEY}",
        clipping("https://gw.contoso.com/v1", KEY),
    ),
    "a resource in capital letters": (
        "endpoint: MY-RES.openai.AZURE.com/openai/v1\nmodel: gpt-4o",
        clipping("MY-RES.openai.AZURE.com/openai/v1", None, "gpt-4o"),
    ),
    "a model that embeds, before one that chats": (
        f"A_EMBEDDING_DEPLOYMENT=emb\nCHAT_DEPLOYMENT=mine\nANY_MODEL=gpt-4o\nAZURE_OPENAI_ENDPOINT={AZURE}",
        clipping(AZURE, None, "mine"),
    ),
    "an address is no model": (
        f"AZURE_OPENAI_ENDPOINT={AZURE}\nCHAT_MODEL=http://gw.contoso.com/m\nKEY={KEY}", clipping(AZURE, KEY),
    ),
    "a gateway of Claude": (
        f"ANTHROPIC_FOUNDRY_BASE_URL=https://gw.contoso.com/claude\nANTHROPIC_FOUNDRY_API_KEY={KEY}",
        clipping("https://gw.contoso.com/claude", KEY),
    ),
    "an address that names Claude already": (
        f"ANTHROPIC_FOUNDRY_BASE_URL={FOUNDRY}/anthropic\nANTHROPIC_FOUNDRY_API_KEY={KEY}",
        clipping(f"{FOUNDRY}/anthropic", KEY),
    ),
    "the longest address": (
        "model: gpt-4o\nendpoint: https://gw.contoso.com/" + "x" * (2_048 - 23),
        clipping("https://gw.contoso.com/" + "x" * (2_048 - 23), None, "gpt-4o"),
    ),
    "look-alike host": (
        f"https://openai.azure.com.evil.example/v1 is not {AZURE} api_key={KEY}", clipping(AZURE, KEY),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(text, expected, id=f"{group}: {name}")
        for group, cases in {"curl": CURL, "Python": PYTHON, "code": OTHER_LANGUAGES, "settings": SETTINGS}.items()
        for name, (text, expected) in cases.items()
    ],
)
def test_a_snippet_is_read(text, expected):
    assert shown(read_paste(text)) == shown(expected)


def shown(found):
    """Keys in the open, so that a failure says which one was found."""
    return found and (found.address, found.key and found.key.reveal(), found.model, found.api_version, found.agent)


@pytest.mark.parametrize("name", [name for name, (text, _) in {**PYTHON, **OTHER_LANGUAGES}.items() if "\n" in text])
@pytest.mark.parametrize("joint", ["", " "])
def test_code_without_its_line_ends_is_read_like_code(name, joint):
    text, expected = {**PYTHON, **OTHER_LANGUAGES}[name]
    assert shown(read_paste(text.replace("\n", joint))) == shown(expected)


@pytest.mark.parametrize("end", ["X", "x", "=="])
@pytest.mark.parametrize("following", ["CONTOSO_CHAT_MODEL=gpt-4o", "AZURE_OPENAI_DEPLOYMENT=gpt-4o", "set A_B=c"])
def test_a_key_never_grows_together_with_what_follows_it_nor_with_the_address(end, following):
    found = read_paste(f"CONTOSO_ENDPOINT={AZURE}/CONTOSO_KEY={KEY}{end}{following}")
    assert found is None or found.address == f"{AZURE}/"
    assert found is None or found.key in (None, Secret(f"{KEY}{end}"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n ",
        AZURE,
        f"  {AZURE}/openai/v1  ",
        f'"{AZURE}/openai/v1",',
        f"`{AZURE}/openai/v1?api-version=preview`\n",
        "my-res.openai.azure.com/openai/v1",
        "localhost:11434/v1",
        f"gw.example/forward?url={AZURE}",
        "ftp://my-res.openai.azure.com",
        "hello world",
        "The key is under Keys and Endpoint, model: see there.",
        f"api_key = '{KEY}'",
        f"{AZURE}/open ai/v1",
        f"{AZURE.upper()}/open ai/v1",
        f"{AZURE} or {FOUNDRY}",
        "curl $AZURE_OPENAI_ENDPOINT/openai/v1/models -H 'api-key: $AZURE_OPENAI_API_KEY'",
        "curl %AZURE_OPENAI_ENDPOINT%/openai/v1/models",
        'curl $BASE/v1/chat -d \'{"messages": [{"content": "https://example.com/a.png"}]}\'',
        "client = OpenAI(base_url=os.environ['OPENAI_BASE_URL'], api_key=os.environ['OPENAI_API_KEY'])",
        'endpoint = "https://<resource>.openai.azure.com/"',
        'base_url = f"https://{resource}.openai.azure.com/openai/v1"',
        "See https://learn.microsoft.com/azure/ai-foundry for help",
        'scope = "https://ai.azure.com/.default"',
        "read https://cognitiveservices.azure.com/.default and https://aka.ms/x",
        'messages = [{"image_url": {"url": "https://example.com/a.png"}}]',
        "AZURE_SEARCH_ENDPOINT= AZURE_SEARCH_KEY=planted-search-key",
        "model: gpt-4o\nendpoint: https://gw.contoso.com/" + "x" * (2_049 - 23),
        'model: gpt-4o\nendpoint = "https://gw.contoso.com/{team}/v1"',
        "model: gpt-4o\nendpoint: gw.contoso.com/v1",
        "model: gpt-4o\nSee https://ai.azure.com/resource/x",
    ],
)
def test_a_plain_address_and_a_text_without_one_are_left_alone(text):
    assert read_paste(text) is None


@pytest.mark.parametrize(
    "value",
    [
        "$AZURE_OPENAI_API_KEY", "${AZURE_OPENAI_API_KEY}", "$env:AZURE_OPENAI_API_KEY", "%AZURE_OPENAI_API_KEY%", "$(cat key.txt)",
        "<your-key>", "<your-api-key>", "YOUR_API_KEY", "your-api-key", "YOUR_AZURE_OPENAI_API_KEY", "{key}", "{your-key-here}", "{{AZURE_KEY}}",
        "[your key]", "xxxx", "xxxxxxxxxxxxxxxx", "XXXXXXXX-XXXX-XXXX", "...", "sk-...0123456789", "********", "REPLACE_WITH_YOUR_KEY_VALUE_HERE",
        "process.env.AZURE_KEY", "replace-me-with-a-key", "insert-key-here", "my-api-key", "changeme-please", "placeholder", "", "short", "not-needed",
        "two words", "ключ-ключ-ключ", "https://vault.example/key", "x" * 5_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "around",
    ['client = OpenAI(base_url="{u}", api_key="{k}")', 'curl {u} -H "api-key: {k}"', "curl {u} -H 'Authorization: Bearer {k}'", "OPENAI_BASE_URL={u}\nOPENAI_API_KEY='{k}'"],
)  # fmt: skip
def test_a_placeholder_is_no_key(value, around):
    text = around.replace("{u}", f"{AZURE}/openai/v1").replace("{k}", value)
    assert shown(read_paste(text)) == (f"{AZURE}/openai/v1", None, None, None, "")


@pytest.mark.parametrize(
    "value",
    [
        'os.environ["AZURE_OPENAI_API_KEY"]', "os.environ.get('AZURE_OPENAI_API_KEY')", 'os.getenv("AZURE_OPENAI_API_KEY")', "process.env.AZURE_OPENAI_API_KEY",
        'process.env["AZURE_OPENAI_API_KEY"]', 'Environment.GetEnvironmentVariable("AZURE_OPENAI_API_KEY")', 'System.getenv("AZURE_OPENAI_API_KEY")',
        "settings.AZURE_KEY_2", "token_provider", "azureOpenAIKey2", "AZURE_OPENAI_API_KEY", 'getpass.getpass("Key-of-Azure:")',
        'vault.get_secret("openai-key-0123456789").value', 'config["openai-key-0123456789"]', 'open("openai-key-0123456789.txt").read()',
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["api_key=", "apiKey: ", "API_KEY = ", "var key = "])
def test_code_that_fetches_a_key_is_no_key(value, name):
    text = f'Client(base_url="{AZURE}/openai/v1", {name}{value})'
    assert shown(read_paste(text)) == (f"{AZURE}/openai/v1", None, None, None, "")


@pytest.mark.parametrize(
    "key",
    ["aaaabbbb", "K" * 10 + "1" * 4_086, "sk-proj-planted_0-9", "planted$key%0123", "eyJhbGciOi.eyJzdWIi.plantedS1g"],
)
def test_a_key_of_any_form_is_found(key):
    assert shown(read_paste(f'OpenAI(base_url="https://gw.example/v1", api_key="{key}")'))[1] == key


def test_a_key_does_not_show():
    assert KEY not in repr(read_paste(f'curl {AZURE}/openai/v1/models -H "api-key: {KEY}"'))


HOSTILE = [
    "a=", "a:", "a(", "(", "a.a(", "a.", "[", "{", "{{", "{a}", "${", "$a", "%a", '"', "'", "`", '\\"', "\\", "\\\n", " \\ ", "^", "#", "\n#", " ", "\n",
    "https://", "https://a", "https://a ", "https://a.", "http://a/,", "curl ", "curl -H ", "curl a.a.a/ ", "a-", "a_", "_KEY=", "key=", "key=x+", 'key="a"+', "key:a ",
    'endpoint="{endpoint}{endpoint}"', 'a="{a}{a}"', "endpoint=https://a ", "model=a ", "AZURE_", "AZURE_A=", "export ", "Bearer ", "new ", "WithEndpoint(", "WithEndpoint(a",
    "ServiceVersion.", ".strip(", ".strip()", "api_version=", "x", "é", "\ud800", "\x00", "AzureOpenAI(", "= ", ": str", "a: str ", "a )", "'a',", "-x ", "a.openai.azure.com/",
    "http", "https", "@", "https://a@", "https://a:", "-preview", "2024-", "key_", "endpointmodel", "a\n", "a\n=", "a=\n", "a+", "+ ", "a + ", "a={b}", "a=$b", "a=$a", "a=%b%", "a:{a}", 'a="$a', 'endpoint="{x}", ', "a='{a", "b,a=", '"a",', '("a") or ',
]  # fmt: skip


LONGEST = 0.4  # seconds


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize(
    "around", ["{}", "curl {}", "curl -d {}", "endpoint={}", 'x="{}', "{}\nendpoint='https://a.openai.azure.com'"]
)
def test_a_hostile_text_takes_no_time(piece, around):
    text = around.replace("{}", piece * (19_900 // len(piece)))
    assert shortest(text) < LONGEST


@pytest.mark.parametrize(
    "text",
    [
        "a={a}b=".join(["a:{a}"] * 2_000),
        " ".join(f"n{i}='{{n{i - 1}}}{{n{i - 1}}}{{n{i - 1}}}{{n{i - 1}}}'" for i in range(700)).replace(
            "{n-1}", "x" * 50
        ),
        "".join(piece * 250 for piece in ("https://a@", "a:{a}", "a=", "a:")) * 4,
        "a=$a%ahttps://a" * 1_300,
        "a=$ahttp://a/,{a}" * 1_100,
        "curl " + "+ {a}a:{a}" * 1_900,
    ],
)
def test_names_that_grow_take_no_time(text):
    assert shortest(text[:20_000]) < LONGEST


def shortest(text):
    """Seconds of the processor. What it must not be takes many times as long; a slow machine gets more than one try."""
    for _ in range(4):
        start = time.thread_time()
        read_paste(text)
        if (took := time.thread_time() - start) < LONGEST:
            break
    return took


WORDS = st.sampled_from([*HOSTILE, AZURE, KEY, "endpoint", "api_key", "model", "=", ": ", ", ", "f", "{endpoint}", "gpt-4o", " + "])  # fmt: skip
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)


@given(ANYTHING | st.lists(WORDS, max_size=30).map("".join))
@settings(max_examples=500, deadline=None)
def test_no_text_raises_and_a_key_is_a_secret(text):
    found = read_paste(text)
    if found is not None:
        assert found.address
        assert found.key is None or (isinstance(found.key, Secret) and 8 <= len(found.key.reveal()) <= 4_096)


PROJECT = "https://contoso.services.ai.azure.com/api/projects/Shop"
REFERENCE = '"agent_reference": {"type": "agent_reference", "name": "helper", "version": "2"}'
AGENTS = [
    (f"curl {PROJECT}/openai/v1/responses -H 'api-key: {KEY}' -d '{{\"input\": \"Hi\", {REFERENCE}}}'", "helper:2"),
    (
        f'endpoint = "{PROJECT}"\nmine = "helper"\nclient = AIProjectClient(endpoint=endpoint)\n'
        'client.responses.create(input="Hi", extra_body={"agent_reference": {"name": mine, "type": "agent_reference"}})',
        "helper",
    ),
    (
        f"curl '{PROJECT}/openai/responses?api-version=2025-11-15-preview' -H 'api-key: {KEY}' "
        '-d \'{"agent": {"type": "agent_reference", "name": "helper"}}\'',
        "helper",
    ),
]


@pytest.mark.parametrize(("text", "agent"), AGENTS)
def test_the_agent_that_a_call_names_is_kept(text, agent):
    endpoint = parse_endpoint(text)
    assert (endpoint.agent, endpoint.label) == (agent, "Foundry agent")
    assert endpoint.responses_url("") == f"{PROJECT}/openai/v1/responses"
    assert endpoint.url == f"{PROJECT}/openai/v1/responses?agent_reference={agent.replace(':', '%3A')}"
    assert parse_endpoint(endpoint.url) == endpoint


def test_a_call_without_an_agent_has_none():
    for body in ('{"name": unknown, "type": "agent_reference"}', '{"name": "helper", "type": "other"}'):
        assert (
            read_paste(f'endpoint = "{PROJECT}"\nkey = "{KEY}"\nextra_body={{"agent_reference": {body}}}').agent == ""
        )
    text = f'curl {PROJECT}/openai/v1/responses -H \'api-key: {KEY}\' -d \'{{"input": "Hi", "model": "gpt-4o"}}\''
    assert parse_endpoint(text).agent == ""


@pytest.mark.parametrize("option", ["-x", "--proxy", "-e", "--referer", "-o", "--output"])
def test_what_an_option_of_a_command_names_is_not_what_it_calls(option):
    assert (
        read_paste(f"curl {option} files.contoso.com/x {AZURE}/openai/v1/models").address == f"{AZURE}/openai/v1/models"
    )


@pytest.mark.parametrize(
    ("beside", "model", "version"), [("model: gpt-4o", "gpt-4o", None), (f"api_version: {DATED}", None, DATED)]
)
def test_one_setting_beside_an_address_is_enough(beside, model, version):
    assert shown(read_paste(f"{AZURE}/openai/v1 {beside}")) == shown(
        clipping(f"{AZURE}/openai/v1", None, model, version)
    )
