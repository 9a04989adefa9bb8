from django.urls import path

from connections import check_views, rotation_views, tabs, views

app_name = "connections"
urlpatterns = [
    path("", views.connection_list, name="list"),
    path("new/", views.new, name="new"),
    path("name/", views.check_name, name="check_name"),
    path("recognise/", views.recognise, name="recognise"),
    path("test/", check_views.check_form, name="test_new"),
    path("test-all/", check_views.check_all, name="test_all"),
    path("test-all/stop/", check_views.stop_all, name="stop_all"),
    path("test-all/progress/", check_views.show_progress, name="progress"),
    path("panel/", views.new_in_panel, name="new_in_panel"),
    path("panel/create/", views.create_in_panel, name="create_in_panel"),
    path("<id:pk>/", views.edit, name="edit"),
    path("<id:pk>/test/", check_views.check_form, name="test"),
    path("<id:pk>/check/", check_views.check_connection, name="check"),
    path("<id:pk>/duplicate/", views.duplicate, name="duplicate"),
    path("<id:pk>/forget/", views.forget, name="forget"),
    path("<id:pk>/delete/", views.delete, name="delete"),
    path("<id:pk>/learned/", tabs.show_lessons, name="learned"),
    path("<id:pk>/used-in/", tabs.show_users, name="used_in"),
    path("<id:pk>/audit/", tabs.show_audit, name="audit"),
    path("<id:pk>/rotation/", rotation_views.show, name="rotation"),
    path("<id:pk>/rotation/store/", rotation_views.store, name="rotation_store"),
    path("<id:pk>/rotation/verify/", rotation_views.verify, name="rotation_verify"),
    path("<id:pk>/rotation/switch/", rotation_views.switch, name="rotation_switch"),
    path("<id:pk>/rotation/retire/", rotation_views.retire, name="rotation_retire"),
    path("<id:pk>/rotation/remind/", rotation_views.remind, name="rotation_remind"),
]
