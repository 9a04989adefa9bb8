from django.urls import path

from foundryflow.account import two_factor_views, views

app_name = "account"
urlpatterns = [
    path("", views.show, name="show"),
    path("name/", views.change_name, name="change_name"),
    path("password/", views.change_own_password, name="password"),
    path("password/hint/", views.password_hint, name="password_hint"),
    path("sessions/<id:pk>/sign-out/", views.sign_out, name="sign_out"),
    path("sessions/sign-out-elsewhere/", views.sign_out_elsewhere, name="sign_out_elsewhere"),
    path("theme/", views.change_theme, name="change_theme"),
    path("two-factor/", two_factor_views.show, name="two_factor"),
    path("two-factor/begin/", two_factor_views.begin, name="begin_two_factor"),
    path("two-factor/confirm/", two_factor_views.confirm, name="confirm_two_factor"),
    path("two-factor/cancel/", two_factor_views.cancel, name="cancel_two_factor"),
    path("two-factor/turn-off/", two_factor_views.turn_off, name="turn_off_two_factor"),
    path("two-factor/codes/", two_factor_views.make_codes, name="make_codes"),
    path("two-factor/codes/file/", two_factor_views.fetch_codes, name="fetch_codes"),
    path("two-factor/codes/kept/", two_factor_views.keep_codes, name="keep_codes"),
]
