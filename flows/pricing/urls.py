"""The page of prices; its names belong to the playground, which includes them."""

from __future__ import annotations

from django.urls import path

from flows.pricing import views

urlpatterns = [
    path("prices/", views.price_list, name="prices"),
    path("prices/new/", views.add, name="price_new"),
    path("prices/<id:pk>/", views.change, name="price"),
    path("prices/<id:pk>/delete/", views.delete, name="price_delete"),
]
