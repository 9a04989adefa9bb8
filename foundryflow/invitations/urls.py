from django.urls import path

from foundryflow.invitations import views

app_name = "invitations"
urlpatterns = [
    path("new/", views.new, name="new"),
    path("close/", views.close, name="close"),
    path("<id:pk>/renew/", views.renew, name="renew"),
    path("<id:pk>/withdraw/", views.withdraw_invitation, name="withdraw"),
]
