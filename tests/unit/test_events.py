"""The bus delivers to each listener on its own, and to nobody once its loop is gone."""

from __future__ import annotations

import asyncio
import threading

from machina_desktop.core.events import Event, EventBus, VaultChanged


def test_a_listener_that_fails_keeps_nothing_from_the_others() -> None:
    bus, heard = EventBus(), list[Event]()
    failures: list[object] = []

    def fail(_event: Event) -> None:
        raise ValueError("a broken view")

    async def publish() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: failures.append(context["exception"]))
        bus.attach(loop)
        bus.subscribe(fail)
        bus.subscribe(heard.append)
        bus.publish(VaultChanged(is_open=True))
        bus.publish(VaultChanged(is_open=False))
        await asyncio.sleep(0.01)

    asyncio.run(publish())
    assert heard == [VaultChanged(is_open=True), VaultChanged(is_open=False)]
    assert len(failures) == 2


def test_publishing_while_the_loop_is_being_closed_never_raises() -> None:
    bus, failures = EventBus(), list[BaseException]()
    is_over = threading.Event()

    def publish() -> None:
        try:
            while not is_over.is_set():
                bus.publish(VaultChanged(is_open=True))
        except RuntimeError as error:
            failures.append(error)

    thread = threading.Thread(target=publish)
    thread.start()
    for _ in range(50):
        loop = asyncio.new_event_loop()
        bus.attach(loop)
        loop.run_until_complete(asyncio.sleep(0.001))
        loop.close()
    is_over.set()
    thread.join()
    assert failures == []
