"""Local stand-ins of the platforms, over real HTTP, IMAP and SMTP, for the demo and the tests.

    server.py, faults.py, delivery.py              a server in a thread and its record, scripted faults, webhooks
    telegram*.py, vk*.py, whatsapp*.py, mail.py    one platform each; `with TelegramStandIn() as telegram: …`
    citizens.py, letters.py, lines.py, crowd.py    invented people, and how they write on each channel
    flood.py                                       messages of every kind, for loss tests
    run.py                                         all together: `python -m sandbox`

Written from the platforms' documentation; nothing here knows our connectors.
"""
