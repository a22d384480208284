"""Two people register in two windows and talk, live."""

from playwright.sync_api import expect

from tests.browser.windows import Windows
from tests.factories import unused_email


def test_two_people_register_become_friends_and_talk(windows: Windows) -> None:
    alice, bob = windows.open(), windows.open(language="zh")
    alice_email, bob_email = unused_email("alice"), unused_email("bob")
    bobs_name = bob_email[:16]
    alice.register("爱丽丝", alice_email)
    bob.register(bobs_name, bob_email)

    alice.goto("people/add")
    alice.field("name").fill(bobs_name)
    alice.button("search").click()
    alice.button("add").click()
    alice.field("requestMessage").fill("It is me")
    alice.button("sendRequest").click()

    # The request, the new chat and the messages come without a reload.
    bob.goto("people/requests")
    expect(bob.page.get_by_text("It is me")).to_be_visible()
    bob.button("accept").click()
    alice.goto("c")
    alice.page.get_by_role("link", name=bobs_name).click()
    bob.goto("c")
    bob.page.get_by_role("link", name="爱丽丝").click()

    alice.write("Shall we have tea?")
    expect(bob.text("Shall we have tea?")).to_be_visible()
    bob.write("好的!")
    expect(alice.text("好的!")).to_be_visible()
    expect(alice.page.get_by_role("img", name="Read")).to_be_visible()
