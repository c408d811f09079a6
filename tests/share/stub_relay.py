"""A relay's client for tests: obeys the arguments of Gradio's, and forwards an address of this machine.

Run as the real one is: PROGRAM http -n NAME -l PORT -i HOST … ; it listens on 127.0.0.2.
"""

import argparse
import asyncio
import sys


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(host: str, port: int) -> None:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            near = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, near[1]), pump(near[0], writer))

    server = await asyncio.start_server(forward, "127.0.0.2", 0)
    far = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"[I] [proxy_manager.go] start proxy success: http://127.0.0.2:{far}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["http"])
    parser.add_argument("-n", required=True)
    parser.add_argument("-l", type=int, required=True)
    parser.add_argument("-i", required=True)
    for flag in ("--uc", "--ue", "--disable_log_color", "--tls_enable"):
        parser.add_argument(flag, action="store_true", required=True)
    for option in ("--sd", "--server_addr", "--tls_trusted_ca_file"):
        parser.add_argument(option, required=True)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.i, given.l)))
