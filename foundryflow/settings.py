"""Every setting, in one file. `docs/settings.md` describes those that an operator may set."""

from __future__ import annotations

import os
import re
from pathlib import Path

import dj_database_url

from foundryflow.database.sqlite_file import PrivateFile
from foundryflow.env import Environment, domain_of
from foundryflow.proxies import Proxies
from foundryflow.security import CONTENT_SECURITY_POLICY as CONTENT_SECURITY_POLICY
from foundryflow.sign_in.providers import allauth_settings, password_sign_in, read_providers

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(Path(os.environ.get("FOUNDRYFLOW_ENV_FILE", BASE_DIR / ".env")))

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.signing_key("SECRET_KEY")
# A ring: the first key encrypts, every key may decrypt, so that a key can be replaced without losing anything.
FIELD_ENCRYPTION_KEY = env.key_ring("ENCRYPTION_KEY")
# Starts although a key is missing that something stored needs; `serve` and `worker` have an option for it.
WITHOUT_SECRETS = env.flag("WITHOUT_SECRETS", default=False)

# Days after which a key of a connection is to be replaced; 0 reminds nobody.
KEY_REMINDER_DAYS = env.number("KEY_REMINDER_DAYS", 90)

ALLOWED_HOSTS = env.names("HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.names("TRUSTED_ORIGINS")
HTTPS = env.flag("HTTPS", default=False)
# Addresses and ranges whose X-Forwarded-For and -Proto are believed.
TRUSTED_PROXIES = Proxies.parse(env.names("TRUSTED_PROXIES", "127.0.0.1,::1"))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
# Below which path the server is reached, such as /foundryflow behind a proxy that other servers share.
PREFIX = env.path_prefix("PREFIX")
FORCE_SCRIPT_NAME = PREFIX or None
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{PREFIX}/"
SECURE_SSL_REDIRECT = HTTPS
# Who looks whether the server lives asks it directly.
SECURE_REDIRECT_EXEMPT = [f"^{re.escape(f'{PREFIX}/{name}'.lstrip('/'))}$" for name in ("healthz", "readyz")]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # other names of the domain belong to whoever owns it, who may have some without HTTPS
    "security.W009",  # the secret key has been read strictly, above
    "security.W021",  # so does the list of domains that browsers bring along
]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "allauth.usersessions",
    "foundryflow",
    "connections",
    "flows",
    "flows.playground",
    "flows.batch",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "foundryflow.static_files.StaticFiles",
    "foundryflow.middleware.compression.CompressedPages",
    "csp.middleware.CSPMiddleware",
    "foundryflow.middleware.headers.headers",
    "foundryflow.middleware.readable_requests.turn_away_unreadable",
    "foundryflow.sign_in.session_limits.LimitedSessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "foundryflow.sign_in.signed_out.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]

CSRF_FAILURE_VIEW = "foundryflow.sign_in.signed_out.without_token"
ROOT_URLCONF = "foundryflow.urls"
ASGI_APPLICATION = "foundryflow.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # The second directory holds the panels that an action type brings along in its folder.
        "DIRS": [BASE_DIR / "templates", BASE_DIR / "flows" / "actions"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "foundryflow.template_loader.CompactTemplates",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "foundryflow.roles.permissions",
                "foundryflow.sign_in.methods.ways_in",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.insert(0, "django.forms")

DATABASES = {
    "default": dj_database_url.parse(
        env.text("DATABASE_URL") or env.plain("DATABASE_URL") or f"sqlite:///{BASE_DIR / 'foundryflow.sqlite3'}"
    )
}
DATABASE_VARIABLE = "FOUNDRYFLOW_DATABASE_URL" if env.text("DATABASE_URL") else "DATABASE_URL"  # that decides it
# Beside the URL, so that the password may be a file that the database server reads, too.
if password := env.file("DATABASE_PASSWORD") or env.text("DATABASE_PASSWORD"):
    DATABASES["default"]["PASSWORD"] = password
# Seconds that a page or a call of the API waits for a database that is busy or away; runs wait as long as it takes.
DATABASE_WAIT = max(1, env.number("DATABASE_WAIT", 5))
# Connections to PostgreSQL that the requests and the engine of one process share.
DATABASE_POOL = max(2, env.number("DATABASE_POOL", 10))
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # Writers queue at BEGIN instead of failing in the middle of a transaction.
        "transaction_mode": "IMMEDIATE",
        "timeout": DATABASE_WAIT,
        "factory": PrivateFile,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
POSTGRESQL = DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql"
if POSTGRESQL:
    # The database chooses the engine: workers execute the runs, and Procrastinate hands them out.
    INSTALLED_APPS.append("procrastinate.contrib.django")
    PROCRASTINATE_IMPORT_PATHS = ["flows.engine.tasks"]
    from foundryflow.database.pool import PooledConnection, try_again

    # Each request has a thread of its own, so that connections of threads would not be used again: a pool lends them.
    # It gives up a new connection soon and begins anew: its pauses grow, and would outlast the outage.
    DATABASES["default"].update({"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True})
    DATABASES["default"]["OPTIONS"] = {
        # A server that vanishes without a word is noticed within half a minute.
        "connect_timeout": max(2, DATABASE_WAIT),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,
        # A process that stands still in the middle of a transaction loses it, and what it has locked is free again.
        "options": "-c idle_in_transaction_session_timeout=10s",
        **DATABASES["default"].get("OPTIONS", {}),
        "pool": {
            "connection_class": PooledConnection,
            "min_size": 1,
            "max_size": DATABASE_POOL,
            "timeout": DATABASE_WAIT,
            "reconnect_timeout": DATABASE_WAIT,
            "reconnect_failed": try_again,
            "max_idle": 60,
        },
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "foundryflow.sign_in.backend.PeopleBackend",
]
SHORTEST_PASSWORD = 10
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": SHORTEST_PASSWORD},
    },
    {"NAME": "foundryflow.sign_in.familiar_passwords.FamiliarPasswordValidator"},
]
# Words beside our own that a password must not be made of, such as the name of the company.
PASSWORD_WORDS = env.names("PASSWORD_WORDS")
MFA_RECOVERY_CODE_COUNT = 8
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "flows:list"
LOGOUT_REDIRECT_URL = "login"
# Axes brings every attempt to our limits, which count by name, address and network, and log name and address.
AXES_HANDLER = "foundryflow.sign_in.limits.SignInLimits"
AXES_LOCKOUT_CALLABLE = "foundryflow.sign_in.limits.lockout_page"
AXES_CLIENT_IP_CALLABLE = "foundryflow.proxies.caller_address"
AXES_VERBOSE = False
# Who may vouch for people, beside or instead of their passwords; `foundryflow/sign_in/providers.py` reads them.
IDENTITY_PROVIDERS = read_providers(env)
PASSWORD_SIGN_IN = password_sign_in(env, IDENTITY_PROVIDERS)
# Whether those who sign in with a password have to have a second factor.
TWO_FACTOR_REQUIRED = env.one_of("TWO_FACTOR", ["optional", "required"]) == "required"
# allauth leads from the password or the provider to the code, and speaks OpenID Connect. Pages, limits and the log
# are our own; none of its addresses is served.
ACCOUNT_ADAPTER = "foundryflow.sign_in.pipeline.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
ACCOUNT_LOGIN_TIMEOUT = 600  # seconds from the password to the code
MFA_ADAPTER = "foundryflow.sign_in.two_factor.SealedAuthenticators"
MFA_TOTP_PERIOD, MFA_TOTP_TOLERANCE = 30, 1  # seconds of a code, and how many codes before and after it are taken
MFA_TOTP_ISSUER = "FoundryFlow"
SOCIALACCOUNT_ADAPTER = "foundryflow.sign_in.openid.provider.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS = allauth_settings(IDENTITY_PROVIDERS)
# Somebody is signed out after this time without doing anything, and after the longer one in any case.
SESSION_IDLE_SECONDS = 60 * env.number("SESSION_IDLE_MINUTES", 720, least=1)
SESSION_COOKIE_AGE = 86_400 * env.number("SESSION_DAYS", 7, least=1)

# Hours in which a link that invites somebody is to be used.
INVITATION_HOURS = env.number("INVITATION_HOURS", 72, least=1)
PASSWORD_RESET_TIMEOUT = 86_400  # seconds in which a password link is to be used
# Sends invitations and password links; without one, whoever makes a link sends it.
MAIL_SERVER = env.mail_server("EMAIL_URL")
EMAIL_HOST, EMAIL_PORT = MAIL_SERVER.host, MAIL_SERVER.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL_SERVER.user, MAIL_SERVER.password
EMAIL_USE_SSL, EMAIL_USE_TLS = MAIL_SERVER.tls, MAIL_SERVER.starttls
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM") or f"FoundryFlow <foundryflow@{domain_of(ALLOWED_HOSTS)}>"

LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True

STATIC_URL = f"{PREFIX}/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]  # nothing that packages bring along
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "foundryflow.static_files.HashedFiles"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# Of the files that a run is started with: one of them, and all together.
FILE_BYTES = 1_000_000 * env.number("FILE_MEGABYTES", 10, least=1)
RUN_FILES_BYTES = max(FILE_BYTES, 1_000_000 * env.number("RUN_FILES_MEGABYTES", 20, least=1))
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
FILE_UPLOAD_MAX_MEMORY_SIZE = max(10 * 1024 * 1024, RUN_FILES_BYTES + 1024 * 1024)  # above, a file is written in clear

# The simulator listens on loopback beside the server; it is the one loopback address that is allowed by default.
SIMULATOR = env.flag("SIMULATOR", default=True)
SIMULATOR_PORT = int(env.plain("SIMULATOR_PORT") or env.number("SIMULATOR_PORT", 8765))
ALLOWED_DESTINATIONS = [
    *env.names("ALLOWED_DESTINATIONS"),
    *([f"127.0.0.1:{SIMULATOR_PORT}", f"localhost:{SIMULATOR_PORT}"] if SIMULATOR else []),
]

# Directories in which connections may open SQLite files; the database of a sample flow is written into the last one.
SAMPLES_DIRECTORY = Path(env.text("SAMPLES_DIRECTORY") or BASE_DIR / "samples")
SQLITE_DIRECTORIES = [*env.names("SQLITE_DIRECTORIES"), str(SAMPLES_DIRECTORY)]
# Environment variables that flows may read as secrets.
ENVIRONMENT_SECRETS = env.variable_names("ENVIRONMENT_SECRETS")

# Connections of browsers and programs that one server process holds.
CONNECTIONS = env.number("CONNECTIONS", 4_000)

# Who is told that a budget is nearly spent; empty: nobody but the log and the page.
BUDGET_WEBHOOK = env.web_address("BUDGET_WEBHOOK")

# Seconds that one run may take in all.
RUN_DEADLINE = env.number("RUN_DEADLINE", 3_600)
# Runs that one process executes at the same time; more wait in the queue.
RUN_CONCURRENCY = env.number("RUN_CONCURRENCY", 500)
# Seconds that running actions get to finish when a worker is stopped.
WORKER_GRACE = env.number("WORKER_GRACE", 20)
# Days that ended runs and entries of the audit log are kept, 0 for ever. None: what the System page says.
RUN_RETENTION_DAYS = env.optional_number("RUN_RETENTION_DAYS")
AUDIT_RETENTION_DAYS = env.optional_number("AUDIT_RETENTION_DAYS")
# Writes each entry of the audit log to standard error, too, as a line of JSON.
AUDIT_TO_LOG = env.flag("AUDIT_TO_LOG", default=False)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "{levelname} {name} {message}", "style": "{"},
        "audit": {"format": "AUDIT {message}", "style": "{"},
    },
    "filters": {
        "absence": {"()": "foundryflow.database.absence_log.WithoutTraceback"},
        "links": {"()": "foundryflow.logs.LinkFilter"},
        "repeats": {"()": "foundryflow.logs.RepeatFilter"},
        "secrets": {"()": "foundryflow.logs.SecretFilter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["absence", "repeats", "secrets", "links"],
        },
        "audit": {"class": "logging.StreamHandler", "formatter": "audit", "filters": ["secrets"]},
    },
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "WARNING")},
    # It says each try to connect, of each connection; who waits for one says so.
    "loggers": {
        "psycopg.pool": {"level": "ERROR"},
        "foundryflow.audit": {"handlers": ["audit"], "level": "INFO", "propagate": False},
    },
}
