from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.control.tags.fields import TagFields, TagNames


def test_a_tag_is_named_and_its_models_are_a_list() -> None:
    with pytest.raises(ValidationError, match="name"):
        TagFields.model_validate({"models": []})
    with pytest.raises(ValidationError, match="models"):
        TagFields.model_validate({"name": "a", "models": "m"})
    with pytest.raises(ValidationError, match="names"):
        TagNames(names=[])
