"""A clean folder of every data set as small as can be, for the tests that damage it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from metafacs.data.datasets import READERS, people, pretraining_faces
from metafacs.data.datasets.reading import Reading


@dataclass(frozen=True)
class Layout:
    """A clean folder of one data set with two pictures in the file that is going to be damaged.

    Attributes:
        dataset: Entry of READERS.
        labels: That file.
        rows: Its two rows.
        pictures: The pictures of the rows.
        header: Its first line, where it has one.
        files: The other files of labels; they may hold further pictures of ``extra`` people.
        extra: Further pictures that ``files`` label.
        spare: A picture that nothing labels; empty where the reader does not look for such.
        reported: The list of paths beside ``labels``, where there is one: problems of a row are noted there.
        options: Of the reader.
    """

    dataset: str
    labels: str
    rows: tuple[str, str]
    pictures: tuple[str, str]
    header: str = ""
    files: dict[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    spare: str = ""
    reported: str = ""
    options: dict[str, object] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The file as it should be."""
        return "".join(f"{line}\n" for line in (self.header, *self.rows) if line)

    @property
    def second(self) -> int:
        """Number of the line of the second picture, where problems of a row are noted."""
        return 2 + bool(self.header)

    def write(self, root: Path, labels: str | bytes | None = None) -> Path:
        """Write the folder, with another content of the file where one is given."""
        pictures = dict.fromkeys((*self.pictures, *self.extra), "a picture")
        content = {self.labels: self.text if labels is None else labels}
        for name, text in {**content, **self.files, **pictures}.items():
            write(root / name, text)
        return root

    def read(self, root: Path) -> Reading:
        return READERS[self.dataset](root, **self.options)


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def of_aligned_pictures(
    dataset: str, labels: str, rows: tuple[str, str], folder: str, files: dict[str, str] | None = None
) -> Layout:
    """Return a layout of the RAF family: a list of '<name>.jpg <label>' and '<name>_aligned.jpg'."""
    first, second = (f"{folder}/{row.partition('.')[0]}_aligned.jpg" for row in rows)
    spare = f"{folder}/0099_aligned.jpg"
    return Layout(dataset, labels, rows, (first, second), files=files or {}, spare=spare)


_POINTS = ",".join("7" for _ in range(136))
_SHOWN = ",".join(["0.5", *("0" for _ in people.PEOPLE_AUS[1:])])

LAYOUTS = {
    layout.dataset: layout
    for layout in (
        Layout(
            "pretraining_faces",
            "faces.csv",
            header=",".join(pretraining_faces.COLUMNS),
            rows=(f"0001.jpg,P01,train,0,0,0,{_POINTS}", f"0002.jpg,P02,validation,0,0,0,{_POINTS}"),
            pictures=("pictures/0001.jpg", "pictures/0002.jpg"),
            spare="pictures/0003.jpg",
        ),
        Layout(
            "people",
            "people.csv",
            header=",".join(people.COLUMNS),
            rows=(
                f"0001.jpg,P01,train,fear,0,0,0,{_SHOWN},{_POINTS}",
                f"0002.jpg,P02,test,,0,0,0,{_SHOWN},{_POINTS}",
            ),
            pictures=("pictures/0001.jpg", "pictures/0002.jpg"),
            spare="pictures/0003.jpg",
        ),
        Layout(
            "bp4d",
            "AUCoding/AU_OCC/F001_T1.csv",
            header="0,1,2,4",
            rows=("7,1,0,9", "8,0,1,0"),
            pictures=("Sequences(2D+3D)/F001/T1/0007.jpg", "Sequences(2D+3D)/F001/T1/0008.jpg"),
            files={"AUCoding/AU_OCC/M002_T3.csv": "0,1\n5,1\n"},
            extra=("Sequences(2D+3D)/M002/T3/0005.jpg",),
            spare="Sequences(2D+3D)/F001/T1/0009.jpg",
        ),
        Layout(
            "disfa",
            "ActionUnit_Labels/SN003/SN003_au1.txt",
            rows=("1,0", "2,3"),
            pictures=("SN003/0.jpg", "SN003/1.jpg"),
            files={"ActionUnit_Labels/SN005/SN005_au1.txt": "1,5\n"},
            extra=("SN005/0.jpg",),
            spare="SN003/2.jpg",
        ),
        Layout(
            "gft",
            "labels/001A.csv",
            header="frame,AU1,AU12",
            rows=("1,1,0", "2,9,1"),
            pictures=("frames/001A/1.jpg", "frames/001A/2.jpg"),
            files={"labels/002B.csv": "frame,AU1\n1,1\n"},
            extra=("frames/002B/1.jpg",),
            spare="frames/001A/3.jpg",
        ),
        of_aligned_pictures(
            "raf_db",
            "basic/EmoLabel/list_patition_label.txt",
            ("train_00001.jpg 5", "test_0001.jpg 1"),
            "basic/Image/aligned",
        ),
        of_aligned_pictures(
            "raf_db_compound",
            "compound/EmoLabel/list_patition_label.txt",
            ("train_0001.jpg 11", "test_0001.jpg 1"),
            "compound/Image/aligned",
        ),
        of_aligned_pictures(
            "raf_ml",
            "EmoLabel/distribution.txt",
            ("0001.jpg 0.5 0 0 0.5 0 0", "0002.jpg 0 0 1 0 0 0"),
            "Image/aligned",
        ),
        of_aligned_pictures("raf_au", "RAFAU_label.txt", ("0001.jpg 1+L12 ", "0002.jpg null"), "aligned"),
        of_aligned_pictures(
            "raf_ce",
            "RAFCE_emolabel.txt",
            ("0001.jpg 0", "0002.jpg 13"),
            "aligned",
            {
                "RAFCE_AUlabel.txt": "0001.jpg 1+4\n0002.jpg null\n",
                "RAFCE_partition.txt": "0001.jpg 0\n0002.jpg 2\n",
            },
        ),
        Layout(
            "emotionet",
            "EmotioNet_FACS.csv",
            header="URL,URL orig,'AU 1','AU 12'",
            rows=("'http://x.org/N_01/N_01_1.jpg','',1,999", "'http://x.org/N_01/N_01_2.jpg','',0,1"),
            pictures=("optimization_set/N_01/N_01_1.jpg", "optimization_set/N_01/N_01_2.jpg"),
            spare="optimization_set/N_01/N_01_3.jpg",
        ),
        Layout(
            "list_files",
            "BP4D_part1_AUoccur.txt",
            rows=("1 0 -1", "0 9 1"),
            pictures=("F001/T1/7.jpg", "F001/T1/8.jpg"),
            files={"BP4D_part1_path.txt": "F001/T1/7.jpg\nF001/T1/8.jpg\n"},
            reported="BP4D_part1_path.txt",
            options={"aus": (1, 2, 12)},
        ),
    )
}
