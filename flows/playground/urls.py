"""The rooms of the playground under one name."""

from flows.playground.chat.urls import urlpatterns as chat
from flows.playground.code.urls import urlpatterns as code
from flows.playground.roundtrip.urls import urlpatterns as roundtrip
from flows.playground.sessions.urls import urlpatterns as sessions

app_name = "playground"
urlpatterns = [*chat, *code, *sessions, *roundtrip]
