from django.urls import path

from flows.api_keys import views

app_name = "api_keys"
urlpatterns = [
    path("", views.key_list, name="list"),
    path("new/", views.new, name="new"),
    path("<id:pk>/rename/", views.rename, name="rename"),
    path("<id:pk>/expiry/", views.change_expiry, name="expiry"),
    path("<id:pk>/flows/", views.change_flows, name="flows"),
    path("<id:pk>/revoke/", views.revoke, name="revoke"),
]
