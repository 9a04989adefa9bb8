from django.urls import path

from connections import views

app_name = "connections"
urlpatterns = [
    path("", views.connection_list, name="list"),
    path("new/", views.new, name="new"),
    path("name/", views.check_name, name="check_name"),
    path("recognise/", views.recognise, name="recognise"),
    path("test/", views.test, name="test_new"),
    path("panel/", views.new_in_panel, name="new_in_panel"),
    path("panel/create/", views.create_in_panel, name="create_in_panel"),
    path("<id:pk>/", views.edit, name="edit"),
    path("<id:pk>/test/", views.test, name="test"),
    path("<id:pk>/forget/", views.forget, name="forget"),
    path("<id:pk>/delete/", views.delete, name="delete"),
]
