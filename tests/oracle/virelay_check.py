"""Opens a project that `onnxplain spray --virelay DIR` wrote in the real ViRelAy, and asks its server for everything.

Usage: python virelay_check.py DIR CLASS      (pip install virelay==0.6.1 h5py; CLASS is an index, such as 4)
"""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import h5py
import numpy


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(base: str, path: str) -> bytes:
    with urllib.request.urlopen(base + path, timeout=60) as answer:
        return answer.read()


def wait(base: str, server: subprocess.Popen) -> None:
    for _ in range(120):
        if server.poll() is not None:
            raise SystemExit(f"ViRelAy ended at once: {server.stderr.read().decode()}")
        try:
            get(base, "/api/projects")
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
    raise SystemExit("ViRelAy does not answer")


def check(base: str, folder: Path, category: int) -> None:
    project = json.loads(get(base, "/api/projects/0"))
    name = f"{category:08}"
    with h5py.File(folder / "analysis.h5") as file:
        group = file[name]
        index, points, clusters = group["index"][:], group["embedding/tsne"][:], group["cluster/kmeans-02"][:]
        eigenvalues = group["embedding/spectral"].attrs["eigenvalue"]
        assert (numpy.diff(eigenvalues) <= 0).all(), "eigenvalues must descend"
    query = f"category={name}&clustering=kmeans-02&embedding=tsne"
    analysis = json.loads(get(base, f"/api/projects/0/analyses/spectral?{query}"))
    shown = analysis["embedding"]
    assert [point["attributionIndex"] for point in shown] == index.tolist(), "other pictures"
    assert [point["cluster"] for point in shown] == clusters.tolist(), "other clusters"
    assert numpy.allclose([point["value"] for point in shown], points), "other points"
    for color in ("jet", "gray-red", "black-yellow", "blue-white-red"):
        get(base, f"/api/projects/0/attributions/{index[0]}/heatmap?colorMap={color}")
    attribution = json.loads(get(base, f"/api/projects/0/attributions/{index[0]}"))
    picture = get(base, f"/api/projects/0/dataset/{index[0]}/image")
    assert picture, "no picture"
    print(json.dumps({"project": project["name"], "points": len(shown), "prediction": attribution["prediction"]}))


def main() -> None:
    folder, category = Path(sys.argv[1]), int(sys.argv[2])
    port = free_port()
    command = [sys.executable, "-m", "virelay", "--host", "127.0.0.1", "--port", str(port), str(folder / "project.yaml")]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        base = f"http://127.0.0.1:{port}"
        wait(base, server)
        check(base, folder, category)
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
