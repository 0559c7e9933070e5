"""Stories of the web door: the API, the console, the public pages."""

import pytest

pytest.register_assert_rewrite("tests.web.site")
