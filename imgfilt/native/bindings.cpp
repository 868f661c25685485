// Python's view of the core: shapes and strides are checked here, nothing is computed.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <bit>
#include <optional>
#include <stdexcept>
#include <utility>

#include "area.hpp"
#include "bank_bindings.hpp"
#include "dispatch.hpp"
#include "fft.hpp"
#include "pool.hpp"
#include "probe.hpp"
#include "program.hpp"
#include "real_arrays.hpp"
#include "resample.hpp"
#include "transposed_bindings.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace imgfilt {
namespace {

void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

// An array's memory for as long as a call lasts. Through the buffer protocol: DLPack takes three times as long.
class Buffer {
  public:
    explicit Buffer(nb::handle array) {
        if (PyObject_GetBuffer(array.ptr(), &buffer_, PyBUF_STRIDES | PyBUF_FORMAT) != 0) throw nb::python_error();
    }
    ~Buffer() { PyBuffer_Release(&buffer_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    bool readonly() const { return buffer_.readonly != 0; }
    View view() const {
        require(buffer_.ndim == 2 || buffer_.ndim == 3, "an image has two or three dimensions");
        View v;
        v.dtype = dtype();
        const int64_t size = kSizeOf[static_cast<int>(v.dtype)];
        v.data = static_cast<char*>(buffer_.buf);
        v.height = buffer_.shape[0];
        v.width = buffer_.shape[1];
        v.row = buffer_.strides[0];
        v.pixel = buffer_.strides[1];
        v.channels = buffer_.ndim == 3 ? buffer_.shape[2] : 1;
        v.channel = buffer_.ndim == 3 ? buffer_.strides[2] : size;
        return v;
    }

  private:
    DType dtype() const {
        const char* format = buffer_.format;
        // This machine's byte order: not aligned, or called by its name.
        constexpr char order = std::endian::native == std::endian::little ? '<' : '>';
        if (*format == '=' || *format == '^' || *format == order) ++format;
        require(format[0] != 0 && format[1] == 0, "unsupported element type");
        switch (format[0]) {
            case 'B': return DType::u8;
            case 'H': return DType::u16;
            case 'h': return DType::i16;
            case 'f': return DType::f32;
            case 'd': return DType::f64;
            case 'i':
            case 'l':
            case 'q': return buffer_.itemsize == 8 ? DType::i64 : DType::i32;
            default: throw std::invalid_argument("unsupported element type");
        }
    }
    Py_buffer buffer_;
};

// The first byte of an image and the one after its last.
std::pair<const char*, const char*> extent(const View& v) {
    const char *first = v.data, *end = v.data + kSizeOf[static_cast<int>(v.dtype)];
    for (const auto& [count, stride] : {std::pair{v.height, v.row}, {v.width, v.pixel}, {v.channels, v.channel}})
        (stride < 0 ? first : end) += (count - 1) * stride;
    return {first, end};
}

bool overlap(const View& a, const View& b) {
    const auto [a_first, a_end] = extent(a);
    const auto [b_first, b_end] = extent(b);
    return a_first < b_end && b_first < a_end;
}

bool aligned(const View& v) {
    const int64_t places = static_cast<int64_t>(reinterpret_cast<uintptr_t>(v.data)) | v.row | v.pixel | v.channel;
    return places % kSizeOf[static_cast<int>(v.dtype)] == 0;
}

// What a call reads and writes. A source that shares memory with the output, or is not aligned, is copied.
class Images {
  public:
    Images(nb::handle image, nb::handle out) : image_(image), out_(out), source(image_.view()), target(out_.view()) {
        require(!out_.readonly(), "an output must be writable");
        if (overlap(source, target) || !aligned(source)) {
            copy_.emplace(nb::object(image.attr("copy")()));
            source = copy_->view();
        }
    }

  private:
    Buffer image_, out_;
    std::optional<Buffer> copy_;

  public:
    View source, target;
};

template <class T>
T get(const nb::dict& d, const char* key, T fallback) {
    return d.contains(key) ? nb::cast<T>(d[key]) : fallback;
}

Op op_of(const nb::dict& d) {
    Op op;
    op.kind = static_cast<OpKind>(nb::cast<int>(d["kind"]));
    op.dtype = static_cast<DType>(nb::cast<int>(d["dtype"]));
    op.channels = nb::cast<int>(d["channels"]);
    op.inputs = get(d, "inputs", std::vector<int>{});
    op.extended = get(d, "extended", true);
    op.stage = get(d, "stage", false);
    if (d.contains("taps"))
        for (nb::handle h : d["taps"]) {
            const nb::tuple t = nb::cast<nb::tuple>(h);
            op.taps.push_back({nb::cast<int>(t[0]), nb::cast<int>(t[1]), nb::cast<int>(t[2]), nb::cast<double>(t[3]),
                               nb::cast<int>(t[4])});
        }
    op.weights = get(d, "weights", std::vector<double>{});
    op.init = get(d, "init", 0.0);
    op.shift = get(d, "shift", 0);
    op.narrow = get(d, "narrow", false);
    op.saturated = get(d, "saturated", false);
    op.size = get(d, "size", 0);
    op.origin = get(d, "origin", 0);
    op.up = get(d, "up", 1);
    op.step = get(d, "step", 1);
    op.extra = get(d, "extra", 0);
    op.scale = get(d, "scale", 1.0);
    op.bias = get(d, "bias", 0.0);
    op.amount = get(d, "amount", 0.0);
    op.threshold = get(d, "threshold", 0.0);
    op.full = get(d, "full", 1.0);
    op.absolute = get(d, "absolute", false);
    op.affine.scale = op.scale;
    op.affine.bias = op.bias;
    op.affine.rounding = static_cast<Rounding>(get(d, "rounding", 0));
    op.affine.wide = get(d, "wide", false);
    return op;
}

Program* program_of(const nb::list& list) {
    std::vector<Op> ops;
    for (nb::handle h : list) ops.push_back(op_of(nb::cast<nb::dict>(h)));
    return new Program(std::move(ops));
}

Fourier* fourier_of(nb::handle weights, const nb::dict& d) {
    const Buffer of(weights);
    FourierOptions o;
    std::tie(o.anchor_y, o.anchor_x) = nb::cast<Pair>(d["anchor"]);
    std::tie(o.ny, o.nx) = nb::cast<Pair>(d["tile"]);
    std::tie(o.stride_y, o.stride_x) = nb::cast<Pair>(d["stride"]);
    o.wide = nb::cast<bool>(d["wide"]);
    o.response = nb::cast<bool>(d["wide_response"]) ? DType::f64 : DType::f32;
    o.whole = nb::cast<bool>(d["whole"]);
    o.middle = nb::cast<double>(d["middle"]);
    o.offset = nb::cast<double>(d["offset"]);
    o.limit = nb::cast<double>(d["limit"]);
    return new Fourier(of.view(), o);
}

Border border_of(int border) {
    if (border < 0 || border > 5) throw std::invalid_argument("unknown border");
    return static_cast<Border>(border);
}

}  // namespace
}  // namespace imgfilt

NB_MODULE(_native, m) {
    using namespace imgfilt;
    m.doc() = "The native core of imgfilt.";
    kernels();  // a wrong IMGFILT_ISA is an error at import

    m.def("isa", [] { return std::string(kernels().name); }, "The instruction set in use.");
    m.def("isas", &supported_isas, "The instruction sets that this processor has, lowest first.");
    m.def("all_threads", &all_threads, "The processors that this process may run on.");
    m.def(
        "multiply_adds",
        [](int64_t turns, int threads) {
            if (turns < 0 || threads < 1) throw std::invalid_argument("turns must be at least 0, threads 1");
            nb::gil_scoped_release release;
            return multiply_adds(turns, threads);
        },
        "turns"_a, "threads"_a, "Multiply-adds of float32 in registers, on each of the threads; how many were done.");

    nb::class_<Program>(m, "Program", "A row program; see program.hpp.")
        .def(nb::new_(&program_of), "ops"_a)
        .def("workspace", &Program::workspace, "width"_a)
        .def("reach", &Program::reach)
        .def("block", &Program::block)
        .def(
            "run",
            [](const Program& p, int border, nb::handle image, nb::handle out, double cval, int threads,
               int64_t begin) {
                const Images of(image, out);
                const Border b = border_of(border);
                nb::gil_scoped_release release;
                p.run(of.source, of.target, b, cval, threads, begin);
            },
            "border"_a, "image"_a, "out"_a, "cval"_a, "threads"_a, "begin"_a = 0);

    m.def("fourier_radices", &fourier_radices, "n"_a, "The radices of the passes of a transform of n elements.");
    nb::class_<Fourier>(m, "Fourier", "Correlation by transforms of tiles; see fft.hpp.")
        .def(nb::new_(&fourier_of), "weights"_a, "options"_a)
        .def("workspace", &Fourier::workspace, "channels"_a)
        .def(
            "run",
            [](const Fourier& f, const Program& pixels, int border, nb::handle image, nb::handle out, double cval,
               int threads) {
                const Images of(image, out);
                const Border b = border_of(border);
                nb::gil_scoped_release release;
                f.run(of.source, pixels, of.target, b, cval, threads);
            },
            "pixels"_a, "border"_a, "image"_a, "out"_a, "cval"_a, "threads"_a);

    m.def(
        "median",
        [](int size, int border, nb::handle image, nb::handle out, double cval, int threads) {
            const Images of(image, out);
            const Border b = border_of(border);
            nb::gil_scoped_release release;
            median(of.source, of.target, size, b, cval, threads);
        },
        "size"_a, "border"_a, "image"_a, "out"_a, "cval"_a, "threads"_a);
    m.def(
        "bilateral",
        [](int diameter, double sigma_color, double sigma_space, int border, nb::handle image, nb::handle out,
           double cval, int threads) {
            const Images of(image, out);
            const Border b = border_of(border);
            nb::gil_scoped_release release;
            bilateral(of.source, of.target, diameter, sigma_color, sigma_space, b, cval, threads);
        },
        "diameter"_a, "sigma_color"_a, "sigma_space"_a, "border"_a, "image"_a, "out"_a, "cval"_a, "threads"_a);
    m.def(
        "canny",
        [](double low, double high, int border, nb::handle image, nb::handle out, double cval, int threads) {
            const Images of(image, out);
            const Border b = border_of(border);
            nb::gil_scoped_release release;
            canny(of.source, of.target, low, high, b, cval, threads);
        },
        "low"_a, "high"_a, "border"_a, "image"_a, "out"_a, "cval"_a, "threads"_a);
    m.def(
        "integral",
        [](nb::handle image, nb::handle out, int threads) {
            const Images of(image, out);
            nb::gil_scoped_release release;
            integral(of.source, of.target, threads);
        },
        "image"_a, "out"_a, "threads"_a);
    m.def(
        "reduce_rows",
        [](nb::handle image, nb::handle out, const std::vector<double>& taps, int64_t step, int64_t first, int border,
           double cval, int threads) {
            const Images of(image, out);
            const Border b = border_of(border);
            nb::gil_scoped_release release;
            reduce_rows(of.source, of.target, taps, step, first, b, cval, threads);
        },
        "image"_a, "out"_a, "taps"_a, "step"_a, "first"_a, "border"_a, "cval"_a, "threads"_a);
    m.def(
        "expand_rows",
        [](nb::handle image, nb::handle out, const std::vector<double>& taps, int64_t step, int64_t first,
           int threads) {
            const Images of(image, out);
            nb::gil_scoped_release release;
            expand_rows(of.source, of.target, taps, step, first, threads);
        },
        "image"_a, "out"_a, "taps"_a, "step"_a, "first"_a, "threads"_a);
    bind_bank(m);
    bind_transposed(m);
}
