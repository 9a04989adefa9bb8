"""Which variables of a template leave a hole when nothing was typed for them."""

import pytest

from flows.playground.variables import holes_in


@pytest.mark.parametrize(
    ("templates", "values", "holes"),
    [
        (["Why?"], {}, []),
        (["Why {{ who }}?"], {}, ["who"]),
        (["Why {{ who }}?"], {"who": " \n"}, ["who"]),
        (["Why {{ who }}?"], {"who": "Ada"}, []),
        (["{{ who }} in {{ rows[0] }}"], {"who": "Ada"}, ["rows"]),
        (["{{ inputs.who }}", "{{ tone }}"], {}, ["who", "tone"]),
        (["{{ count }}", "{{ rows }}"], {"count": 0, "rows": []}, []),
        (["Why {{ who | default('not') }}?"], {}, []),
        (["{% if who %}{{ who }}{% endif %}"], {}, []),
        (["{{ 'x' if inputs.rows else 'y' }}{{ city or 'Oslo' }}"], {}, []),
        (["{% if who == 'Ada' %}{{ city }}{% endif %}"], {}, ["city"]),
        (["{{ open"], {}, []),
    ],
)
def test_what_a_template_prints_and_nobody_typed_is_a_hole(templates, values, holes):
    assert holes_in(templates, values) == holes
