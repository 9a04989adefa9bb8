from django.urls import path

from foundryflow.people import views

app_name = "people"
urlpatterns = [
    path("", views.people_list, name="list"),
    path("sign-in/", views.show_sign_in, name="sign_in"),
    path("<id:pk>/", views.show, name="show"),
    path("<id:pk>/role/", views.change_role, name="role"),
    path("<id:pk>/sign-out/", views.sign_out, name="sign_out"),
    path("<id:pk>/two-factor/", views.reset_two_factor, name="reset_two_factor"),
    path("<id:pk>/password-link/", views.password_link, name="password_link"),
    path("<id:pk>/deactivate/", views.deactivate, name="deactivate"),
    path("<id:pk>/activate/", views.activate, name="activate"),
]
