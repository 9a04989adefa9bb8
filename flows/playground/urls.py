"""The rooms of the playground under one name."""

from flows.playground.chat.urls import urlpatterns as chat
from flows.playground.code_page.urls import urlpatterns as code
from flows.playground.roundtrip.urls import urlpatterns as roundtrip
from flows.playground.sessions.urls import urlpatterns as sessions
from flows.pricing.urls import urlpatterns as pricing

app_name = "playground"
urlpatterns = [*chat, *code, *sessions, *roundtrip, *pricing]
