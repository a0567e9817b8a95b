"""Reference images as phones, pages and servers send them: judged by content, read in every spelling."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, data_of, faults_of, picture
from tests.entrypoints.spellings import NO_NAME, PROMPTS, accepted, disposed, refusal_of
from tests.hostile.row import FORM_TYPE, form, part

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory


class TestAReference:
    @pytest.mark.parametrize(
        "declared",
        [
            *("", "application/octet-stream", "application/x-octet-stream", "binary/octet-stream", "*/*", "image/*"),
            *("text/plain", "null", "undefined", "application/pdf", "image", "image/jpg", "image/pjpeg", "IMAGE/JPEG"),
            *("image/jpeg; charset=binary", "image/jpg;name=a.jpg", " image/jpeg "),
        ],
    )
    def test_is_judged_by_content_whatever_it_is_called(
        self, submit: Function, factory: Factory, declared: str
    ) -> None:
        image = {"mime_type": declared, "data": base64.b64encode(picture("JPEG")).decode()}

        by_form = accepted(submit, factory, PROMPTS, part("reference_images", picture("JPEG"), disposed("a", declared)))
        by_json = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": [image]})

        of_json = factory.store.executions[data_of(by_json, 202)["execution_id"]]
        for execution in (by_form, of_json):
            assert [one.content_type for one in execution.parameters.references] == ["image/jpeg"]

    @pytest.mark.parametrize("declared", ["image/png", "image/x-png; q=1", "image/webp", "image/gif", "image/heic"])
    def test_that_says_it_is_another_kind_of_image_is_refused(self, submit: Function, declared: str) -> None:
        image = {"mime_type": declared, "data": base64.b64encode(picture("JPEG")).decode()}
        sent = part("reference_images", picture("JPEG"), disposed("a.jpg", declared))

        in_a_form = submit.post(EXECUTE, data=form(PROMPTS, sent), content_type=FORM_TYPE)
        in_json = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": [image]})

        for answer in (in_a_form, in_json):
            assert faults_of(answer) == [("reference_images", 0)]

    @pytest.mark.parametrize(
        "more",
        [NO_NAME + b"application/octet-stream", NO_NAME + b"image/png", NO_NAME + b"text/plain", b""],
    )
    def test_without_a_file_name_is_a_file(self, submit: Function, factory: Factory, more: bytes) -> None:
        execution = accepted(submit, factory, PROMPTS, part("reference_images", picture(), more))

        assert len(execution.parameters.references) == 1

    @pytest.mark.parametrize(
        "spelt",
        [
            lambda data: base64.encodebytes(data).decode(),
            lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
            lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
            lambda data: "Data:image/png;name=a.png;BASE64," + base64.encodebytes(data).decode(),
        ],
    )
    def test_is_read_in_every_spelling_of_base64(self, submit: Function, factory: Factory, spelt: Any) -> None:
        image = {"data": spelt(picture())}

        answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": [image]})

        execution = factory.store.executions[data_of(answer, 202)["execution_id"]]
        assert factory.images.reference(execution.parameters.references[0].name) == picture()

    @pytest.mark.parametrize("more", [b"", disposed("blob", "application/octet-stream")])
    def test_may_be_a_data_url_in_a_form(self, submit: Function, factory: Factory, more: bytes) -> None:
        # As letters it is longer than a file may be.
        image = picture() + bytes(5 * 1024 * 1024 - len(picture()))
        url = b"data:image/png;base64," + base64.b64encode(image)

        execution = accepted(submit, factory, PROMPTS, part("reference_images", url, more))

        assert factory.images.reference(execution.parameters.references[0].name) == image

    def test_may_be_a_data_url_in_a_list_of_json(self, submit: Function, factory: Factory) -> None:
        url = "data:image/png;base64," + base64.b64encode(picture()).decode()

        answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": [url]})

        assert len(factory.store.executions[data_of(answer, 202)["execution_id"]].parameters.references) == 1

    @pytest.mark.parametrize("name", ["reference_images[]", "reference_images[0]"])
    def test_may_have_the_name_that_programs_give_to_lists(self, submit: Function, factory: Factory, name: str) -> None:
        execution = accepted(submit, factory, PROMPTS, part(name, picture(), disposed("a.png", "image/png")))

        assert len(execution.parameters.references) == 1

    @pytest.mark.parametrize(
        "text", [b"@fox.png", b"https://example.com/a.png", b"data:,", b"data:text/plain,abc", b"YWJj"]
    )
    def test_that_is_a_text_is_refused_with_what_to_send(self, submit: Function, text: bytes) -> None:
        field, index, message = refusal_of(submit, PROMPTS, part("reference_images", text))

        assert (field, index) == ("reference_images", 0)
        assert "must be a file" in message

    def test_that_cannot_be_read_does_not_move_the_place_of_the_next(self, submit: Function) -> None:
        images = [7, {"data": base64.b64encode(b"GIF89a").decode()}, {"data": base64.b64encode(picture()).decode()}]

        answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": images})

        assert faults_of(answer) == [("reference_images", 0), ("reference_images", 1)]
