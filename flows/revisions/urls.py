from django.urls import path

from flows.revisions import views

app_name = "revisions"
urlpatterns = [
    path("", views.show, name="show"),
    path("publish/", views.publish, name="publish"),
    path("publish-again/", views.publish_again, name="publish_again"),
    path("restore/", views.restore, name="restore"),
]
