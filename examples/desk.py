"""A desk in forty lines: prints what citizens ask, and answers. Needs aio-pika and nothing of Priemnaya.

    python examples/desk.py amqp://guest:guest@localhost/ registration "Мы уже смотрим, спасибо!"

Without an answer it only prints, and leaves the messages in the queue. An operator's program would show them instead.
"""

import asyncio
import json
import sys
import uuid

import aio_pika


async def work(url: str, desk: str, answer: str | None, prefix: str = "priemnaya") -> None:
    connection = await aio_pika.connect_robust(url)
    async with connection:
        channel = await connection.channel(on_return_raises=True)  # a lost answer raises
        await channel.set_qos(prefetch_count=1)
        replies = await channel.get_exchange(f"{prefix}.replies")
        queue = await channel.get_queue(f"{prefix}.desk.{desk}")
        async with queue.iterator(no_ack=False) as messages:
            async for message in messages:
                envelope = json.loads(message.body)
                ticket, route = envelope["ticket"]["number"], envelope["route"]
                print(f"{ticket}  priority {route['priority']}  answer by {route['answer_by']}\n  {envelope['text']}\n")
                if answer is None:
                    continue  # unacknowledged: it is in the queue again when this program ends
                # Derived from the envelope: when this program dies before the ack, the same answer has the same id.
                reply_id = str(uuid.uuid5(uuid.UUID(envelope["id"]), "answer"))
                reply = {"id": reply_id, "ticket": ticket, "text": answer, "attachments": [], "close": False}
                reply["in_reply_to"] = envelope["source"]["message_id"]
                body = json.dumps(reply, ensure_ascii=False).encode()
                persistent = aio_pika.DeliveryMode.PERSISTENT
                await replies.publish(aio_pika.Message(body, message_id=reply_id, delivery_mode=persistent), "")
                await message.ack()  # only now is it off the queue


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    asyncio.run(work(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None))
