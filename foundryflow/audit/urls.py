from django.urls import path

from foundryflow.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.entry_list, name="list"),
    path("csv/", views.download, name="csv"),
    path("<id:pk>/", views.entry, name="entry"),
]
