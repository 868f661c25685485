"""The public names. Made by docs/make_stubs.py: do not edit."""

from typing import Any, Literal, Protocol, TypedDict, TypeVar, Unpack, overload

from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgfilt.api import apply as apply
from imgfilt.api import apply_filter as apply_filter
from imgfilt.api import backends as backends
from imgfilt.api import box_sum as box_sum
from imgfilt.api import convolve as convolve
from imgfilt.api import correlate as correlate
from imgfilt.api import filters as filters
from imgfilt.api import integral as integral
from imgfilt.api import plan as plan
from imgfilt.bands import Bands as Bands
from imgfilt.bands import RowImage as RowImage
from imgfilt.bank.api import conv2d as conv2d
from imgfilt.bank.api import depthwise_separable_conv2d as depthwise_separable_conv2d
from imgfilt.bank.api import plan_conv2d as plan_conv2d
from imgfilt.functions import load as load
from imgfilt.kernel import separate as separate
from imgfilt.resizing import pyr_down as pyr_down
from imgfilt.resizing import pyr_up as pyr_up
from imgfilt.resizing import upsample as upsample
from imgfilt.transposed.api import conv_transpose2d as conv_transpose2d
from imgfilt.transposed.api import plan_conv_transpose2d as plan_conv_transpose2d
from imgfilt.wisdom import export_wisdom as export_wisdom
from imgfilt.wisdom import forget_wisdom as forget_wisdom
from imgfilt.wisdom import import_wisdom as import_wisdom

__version__: str
__all__: list[str]

class _Pil(Protocol):
    def getbands(self) -> tuple[str, ...]: ...

class _Tensor(Protocol):
    def data_ptr(self) -> int: ...

_Same = TypeVar("_Same", bound=_Pil | _Tensor)
_Border = Literal[
    "reflect101",
    "reflect",
    "replicate",
    "wrap",
    "constant",
    "mirror",
    "reflect_101",
    "symmetric",
    "nearest",
    "edge",
    "grid-wrap",
    "grid-mirror",
    "grid-constant",
]

class _Common(TypedDict, total=False):
    """What every filter takes: see `imgfilt.apply_filter`."""

    border: _Border
    cval: float
    dtype: DTypeLike | None
    out: NDArray[Any] | None
    threads: int | None
    backend: str
    effort: Literal["estimate", "measure"]
    color: Literal["luma", "each"] | None
    alpha: Literal["premultiply", "ignore", "each"] | None
    linear_light: bool

@overload
def bilateral(
    image: _Same,
    /,
    *,
    diameter: int = 9,
    sigma_color: float = 50,
    sigma_space: float = 3,
    **common: Unpack[_Common],
) -> _Same:
    """Smooths flat regions and keeps edges, as cv2.bilateralFilter.

    diameter: an odd integer from 1 to 101 (px), by default 9: width of the neighbourhood, odd
    sigma_color: a number greater than 0, by default 50: how different colours may be and still mix, in
        the image's own units
    sigma_space: a number greater than 0 (px), by default 3: standard deviation of the weights over
        distance

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.

    Source: Tomasi and Manduchi, Bilateral filtering for gray and color images (1998).
    """

@overload
def bilateral(
    image: RowImage,
    /,
    *,
    diameter: int = 9,
    sigma_color: float = 50,
    sigma_space: float = 3,
    **common: Unpack[_Common],
) -> Bands: ...
@overload
def bilateral(
    image: ArrayLike,
    /,
    *,
    diameter: int = 9,
    sigma_color: float = 50,
    sigma_space: float = 3,
    **common: Unpack[_Common],
) -> NDArray[Any]: ...
@overload
def box(image: _Same, /, *, size: int = 3, **common: Unpack[_Common]) -> _Same:
    """Mean of a square, as cv2.blur.

    size: an odd integer from 1 to 4095 (px), by default 3: width of the square, odd

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.

    Source: McDonnell, Box-filtering techniques (1981).
    """

@overload
def box(image: RowImage, /, *, size: int = 3, **common: Unpack[_Common]) -> Bands: ...
@overload
def box(image: ArrayLike, /, *, size: int = 3, **common: Unpack[_Common]) -> NDArray[Any]: ...
@overload
def canny(
    image: _Same, /, *, low: float = 100, high: float = 200, sigma: float = 0, **common: Unpack[_Common]
) -> _Same:
    """Thin edges, as cv2.Canny: 255 (white) where there is one, else 0.

    low: a number from 0 up, by default 100: weaker gradients are no edges, in units of Sobel's |x| +
        |y|
    high: a number from 0 up, by default 200: stronger gradients begin an edge
    sigma: a number from 0 to 500 (px), by default 0: standard deviation of a Gaussian blur before; 0
        for none

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Canny, A computational approach to edge detection (1986).
    """

@overload
def canny(
    image: RowImage, /, *, low: float = 100, high: float = 200, sigma: float = 0, **common: Unpack[_Common]
) -> Bands: ...
@overload
def canny(
    image: ArrayLike, /, *, low: float = 100, high: float = 200, sigma: float = 0, **common: Unpack[_Common]
) -> NDArray[Any]: ...
@overload
def difference_of_gaussians(
    image: _Same,
    /,
    *,
    sigma_low: float = 1,
    sigma_high: float = 1.6,
    show: Literal["edges", "response"] = "edges",
    **common: Unpack[_Common],
) -> _Same:
    """A fine Gaussian blur minus a coarse one: details of one range of scales.

    sigma_low: a number greater than 0 and at most 500 (px), by default 1: standard deviation of the
        fine blur
    sigma_high: a number greater than 0 and at most 500 (px), by default 1.6: standard deviation of the
        coarse blur
    show: one of edges, response, by default 'edges': edges: without its sign, and scaled so that a step
        from black to white gives white; response: signed, as computed

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Wilson and Giese, Threshold visibility of frequency gradient patterns (1977).
    """

@overload
def difference_of_gaussians(
    image: RowImage,
    /,
    *,
    sigma_low: float = 1,
    sigma_high: float = 1.6,
    show: Literal["edges", "response"] = "edges",
    **common: Unpack[_Common],
) -> Bands: ...
@overload
def difference_of_gaussians(
    image: ArrayLike,
    /,
    *,
    sigma_low: float = 1,
    sigma_high: float = 1.6,
    show: Literal["edges", "response"] = "edges",
    **common: Unpack[_Common],
) -> NDArray[Any]: ...
@overload
def emboss(image: _Same, /, *, angle: float = 135, depth: float = 1, **common: Unpack[_Common]) -> _Same:
    """Relief: slopes towards the light bright, away from it dark.

    angle: a number from -360 to 360 (degrees), by default 135: where the light comes from: 0 right, 90
        above, 180 left
    depth: a number from -100 to 100, by default 1: height of the relief; negative for light from the
        other side

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.

    Source: Schlag, Fast embossing effects on raster image data, Graphics gems IV (1994).
    """

@overload
def emboss(
    image: RowImage, /, *, angle: float = 135, depth: float = 1, **common: Unpack[_Common]
) -> Bands: ...
@overload
def emboss(
    image: ArrayLike, /, *, angle: float = 135, depth: float = 1, **common: Unpack[_Common]
) -> NDArray[Any]: ...
@overload
def frei_chen(
    image: _Same, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> _Same:
    """Frei and Chen's isotropic gradient: Sobel's with the square root of 2.

    axis: one of both, x, y, by default 'both': both for the gradient's magnitude, x or y for the signed
        derivative along one axis

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Frei and Chen, Fast boundary detection (1977).
    """

@overload
def frei_chen(
    image: RowImage, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> Bands: ...
@overload
def frei_chen(
    image: ArrayLike, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> NDArray[Any]: ...
@overload
def gabor(
    image: _Same,
    /,
    *,
    sigma: float = 3,
    theta: float = 0,
    wavelength: float = 8,
    gamma: float = 0.5,
    psi: float = 90,
    size: int | None = None,
    gain: float | None = None,
    **common: Unpack[_Common],
) -> _Same:
    """A wave under a Gaussian: texture of one direction and wavelength, as cv2.getGaborKernel.

    sigma: a number greater than 0 and at most 500 (px), by default 3: standard deviation of the
        Gaussian along the wave
    theta: a number from -360 to 360 (degrees), by default 0: direction in which the wave runs
    wavelength: a number greater than 0 and at most 4095 (px), by default 8: length of the wave
    gamma: a number from 0.01 to 100, by default 0.5: aspect of the Gaussian: below 1 it is longer
        across the wave
    psi: a number from -360 to 360 (degrees), by default 90: phase of the wave: 0 even (lines), 90 odd
        (edges)
    size: an odd integer from 1 to 4095 (px), by default None: width of the kernel, odd; by default 3
        sigma to each side
    gain: a number from -1000 to 1000, by default None: what the kernel is multiplied with; 1 is
        OpenCV's; by default what keeps responses in the image's range

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.

    Source: Daugman, Uncertainty relation for resolution in space, spatial frequency and orientation
    (1985).
    """

@overload
def gabor(
    image: RowImage,
    /,
    *,
    sigma: float = 3,
    theta: float = 0,
    wavelength: float = 8,
    gamma: float = 0.5,
    psi: float = 90,
    size: int | None = None,
    gain: float | None = None,
    **common: Unpack[_Common],
) -> Bands: ...
@overload
def gabor(
    image: ArrayLike,
    /,
    *,
    sigma: float = 3,
    theta: float = 0,
    wavelength: float = 8,
    gamma: float = 0.5,
    psi: float = 90,
    size: int | None = None,
    gain: float | None = None,
    **common: Unpack[_Common],
) -> NDArray[Any]: ...
@overload
def gaussian(
    image: _Same,
    /,
    *,
    sigma: float | None = None,
    size: int | None = None,
    accuracy: float = 0.0,
    **common: Unpack[_Common],
) -> _Same:
    """Gaussian blur, as cv2.GaussianBlur.

    sigma: a number from 0 to 500 (px), by default None: standard deviation; 0, the default, means from
        the size; 1 where neither is given
    size: an odd integer from 1 to 4095 (px), by default None: width of the kernel, odd; by default 6
        sigma + 1 (8-bit images) or 8 sigma + 1
    accuracy: a number from 0 up, by default 0.0: error that is allowed, in the image's units (of
        floats: in parts of the largest value); large blurs are faster for it

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.

    Source: Marr and Hildreth, Theory of edge detection (1980); weights and sizes as OpenCV's.
    """

@overload
def gaussian(
    image: RowImage,
    /,
    *,
    sigma: float | None = None,
    size: int | None = None,
    accuracy: float = 0.0,
    **common: Unpack[_Common],
) -> Bands: ...
@overload
def gaussian(
    image: ArrayLike,
    /,
    *,
    sigma: float | None = None,
    size: int | None = None,
    accuracy: float = 0.0,
    **common: Unpack[_Common],
) -> NDArray[Any]: ...
@overload
def high_pass(image: _Same, /, *, sigma: float = 3, **common: Unpack[_Common]) -> _Same:
    """The image minus its Gaussian blur, around middle gray.

    sigma: a number greater than 0 and at most 500 (px), by default 3: standard deviation of the blur

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.

    Source: Gonzalez and Woods, Digital image processing.
    """

@overload
def high_pass(image: RowImage, /, *, sigma: float = 3, **common: Unpack[_Common]) -> Bands: ...
@overload
def high_pass(image: ArrayLike, /, *, sigma: float = 3, **common: Unpack[_Common]) -> NDArray[Any]: ...
@overload
def identity(image: _Same, /, **common: Unpack[_Common]) -> _Same:
    """The image as it is.

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.
    """

@overload
def identity(image: RowImage, /, **common: Unpack[_Common]) -> Bands: ...
@overload
def identity(image: ArrayLike, /, **common: Unpack[_Common]) -> NDArray[Any]: ...
@overload
def kirsch(image: _Same, /, **common: Unpack[_Common]) -> _Same:
    """Kirsch's compass: the strongest of 8 directions.

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Kirsch, Computer determination of the constituent structure of biological images (1971).
    """

@overload
def kirsch(image: RowImage, /, **common: Unpack[_Common]) -> Bands: ...
@overload
def kirsch(image: ArrayLike, /, **common: Unpack[_Common]) -> NDArray[Any]: ...
@overload
def laplacian(image: _Same, /, *, size: int = 1, **common: Unpack[_Common]) -> _Same:
    """Sum of the second derivatives, as cv2.Laplacian.

    size: an odd integer from 1 to 31 (px), by default 1: width of the kernel, odd; 1 is the 4-neighbour
        kernel

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Gonzalez and Woods, Digital image processing.
    """

@overload
def laplacian(image: RowImage, /, *, size: int = 1, **common: Unpack[_Common]) -> Bands: ...
@overload
def laplacian(image: ArrayLike, /, *, size: int = 1, **common: Unpack[_Common]) -> NDArray[Any]: ...
@overload
def laplacian_of_gaussian(
    image: _Same,
    /,
    *,
    sigma: float = 1.4,
    show: Literal["edges", "response"] = "edges",
    **common: Unpack[_Common],
) -> _Same:
    """Laplacian of a Gaussian blur: edges of one scale cross zero.

    sigma: a number greater than 0 and at most 500 (px), by default 1.4: standard deviation of the
        Gaussian
    show: one of edges, response, by default 'edges': edges: without its sign, and scaled so that a step
        from black to white gives white; response: signed, as computed

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Marr and Hildreth, Theory of edge detection (1980).
    """

@overload
def laplacian_of_gaussian(
    image: RowImage,
    /,
    *,
    sigma: float = 1.4,
    show: Literal["edges", "response"] = "edges",
    **common: Unpack[_Common],
) -> Bands: ...
@overload
def laplacian_of_gaussian(
    image: ArrayLike,
    /,
    *,
    sigma: float = 1.4,
    show: Literal["edges", "response"] = "edges",
    **common: Unpack[_Common],
) -> NDArray[Any]: ...
@overload
def median(image: _Same, /, *, size: int = 3, **common: Unpack[_Common]) -> _Same:
    """Median of a square: takes away specks and keeps edges.

    size: an odd integer from 1 to 255 (px), by default 3: width of the square, odd

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.

    Source: Tukey, Exploratory data analysis (1977).
    """

@overload
def median(image: RowImage, /, *, size: int = 3, **common: Unpack[_Common]) -> Bands: ...
@overload
def median(image: ArrayLike, /, *, size: int = 3, **common: Unpack[_Common]) -> NDArray[Any]: ...
@overload
def motion(image: _Same, /, *, length: float = 15, angle: float = 0, **common: Unpack[_Common]) -> _Same:
    """Blur along a straight line, as of a camera that moved.

    length: a number from 1 to 2000 (px), by default 15: length of the line
    angle: a number from -360 to 360 (degrees), by default 0: direction of the line, counter-clockwise
        from the x axis

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.

    Source: Gonzalez and Woods, Digital image processing.
    """

@overload
def motion(
    image: RowImage, /, *, length: float = 15, angle: float = 0, **common: Unpack[_Common]
) -> Bands: ...
@overload
def motion(
    image: ArrayLike, /, *, length: float = 15, angle: float = 0, **common: Unpack[_Common]
) -> NDArray[Any]: ...
@overload
def prewitt(image: _Same, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]) -> _Same:
    """Prewitt's gradient: differences of 3-pixel means.

    axis: one of both, x, y, by default 'both': both for the gradient's magnitude, x or y for the signed
        derivative along one axis

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Prewitt, Object enhancement and extraction (1970).
    """

@overload
def prewitt(
    image: RowImage, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> Bands: ...
@overload
def prewitt(
    image: ArrayLike, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> NDArray[Any]: ...
@overload
def roberts(image: _Same, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]) -> _Same:
    """Roberts' cross: differences along the two diagonals of 2x2 pixels.

    axis: one of both, x, y, by default 'both': both for the gradient's magnitude, x for the falling
        diagonal, y for the rising one, signed

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Roberts, Machine perception of three-dimensional solids (1963).
    """

@overload
def roberts(
    image: RowImage, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> Bands: ...
@overload
def roberts(
    image: ArrayLike, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> NDArray[Any]: ...
@overload
def robinson(image: _Same, /, **common: Unpack[_Common]) -> _Same:
    """Robinson's compass: the strongest of 8 directions.

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Robinson, Edge detection by compass gradient masks (1977).
    """

@overload
def robinson(image: RowImage, /, **common: Unpack[_Common]) -> Bands: ...
@overload
def robinson(image: ArrayLike, /, **common: Unpack[_Common]) -> NDArray[Any]: ...
@overload
def scharr(image: _Same, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]) -> _Same:
    """Scharr's gradient, more even over directions than Sobel's.

    axis: one of both, x, y, by default 'both': both for the gradient's magnitude, x or y for the signed
        derivative along one axis

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Scharr, Optimal operators in digital image processing (2000).
    """

@overload
def scharr(
    image: RowImage, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> Bands: ...
@overload
def scharr(
    image: ArrayLike, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> NDArray[Any]: ...
@overload
def sharpen(image: _Same, /, *, amount: float = 1.0, **common: Unpack[_Common]) -> _Same:
    """The image minus its Laplacian: crisper edges from a 3x3 kernel.

    amount: a number from 0 to 100, by default 1.0: how much of the Laplacian is taken away; 0 changes
        nothing

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.

    Source: Gonzalez and Woods, Digital image processing.
    """

@overload
def sharpen(image: RowImage, /, *, amount: float = 1.0, **common: Unpack[_Common]) -> Bands: ...
@overload
def sharpen(image: ArrayLike, /, *, amount: float = 1.0, **common: Unpack[_Common]) -> NDArray[Any]: ...
@overload
def sobel(image: _Same, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]) -> _Same:
    """Sobel's gradient: its magnitude, or the derivative along one axis.

    axis: one of both, x, y, by default 'both': both for the gradient's magnitude, x or y for the signed
        derivative along one axis

    A colour image gives a gray result unless `color` says otherwise. The other keywords, types and
    errors are those of `imgfilt.apply_filter`.

    Source: Sobel and Feldman, An isotropic 3x3 image gradient operator (1968).
    """

@overload
def sobel(
    image: RowImage, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> Bands: ...
@overload
def sobel(
    image: ArrayLike, /, *, axis: Literal["both", "x", "y"] = "both", **common: Unpack[_Common]
) -> NDArray[Any]: ...
@overload
def unsharp_mask(
    image: _Same, /, *, sigma: float = 1, amount: float = 1, threshold: float = 0, **common: Unpack[_Common]
) -> _Same:
    """Adds what a Gaussian blur takes away.

    sigma: a number greater than 0 and at most 500 (px), by default 1: standard deviation of the blur
    amount: a number from 0 to 100, by default 1: how much of the detail is added; 0 changes nothing
    threshold: a number from 0 up, by default 0: smaller differences from the blur are left alone, in
        the image's own units

    A colour image gives each channel filtered alone unless `color` says otherwise. The other keywords,
    types and errors are those of `imgfilt.apply_filter`.

    Source: Gonzalez and Woods, Digital image processing.
    """

@overload
def unsharp_mask(
    image: RowImage,
    /,
    *,
    sigma: float = 1,
    amount: float = 1,
    threshold: float = 0,
    **common: Unpack[_Common],
) -> Bands: ...
@overload
def unsharp_mask(
    image: ArrayLike,
    /,
    *,
    sigma: float = 1,
    amount: float = 1,
    threshold: float = 0,
    **common: Unpack[_Common],
) -> NDArray[Any]: ...
