from django.urls import path

from flows.usage import budget_views, views

app_name = "usage"
urlpatterns = [
    path("", views.show, name="show"),
    path("csv/", views.download, name="csv"),
    path("budgets/", budget_views.budget_list, name="budgets"),
    path("budgets/new/", budget_views.add, name="budget_new"),
    path("budgets/<id:pk>/", budget_views.change, name="budget"),
    path("budgets/<id:pk>/delete/", budget_views.delete, name="budget_delete"),
]
