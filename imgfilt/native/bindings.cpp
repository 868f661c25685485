// Python's view of the core: shapes and strides are checked here, nothing is computed.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>

#include "area.hpp"
#include "bank_bindings.hpp"
#include "dispatch.hpp"
#include "pool.hpp"
#include "probe.hpp"
#include "program.hpp"
#include "resample.hpp"
#include "transposed_bindings.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace imgfilt {
namespace {

using Input = nb::ndarray<nb::ro, nb::device::cpu>;
using Output = nb::ndarray<nb::device::cpu>;

template <class T>
DType dtype_of(const T& array) {
    const nb::dlpack::dtype d = array.dtype();
    if (d == nb::dtype<uint8_t>()) return DType::u8;
    if (d == nb::dtype<uint16_t>()) return DType::u16;
    if (d == nb::dtype<int16_t>()) return DType::i16;
    if (d == nb::dtype<int32_t>()) return DType::i32;
    if (d == nb::dtype<int64_t>()) return DType::i64;
    if (d == nb::dtype<float>()) return DType::f32;
    if (d == nb::dtype<double>()) return DType::f64;
    throw std::invalid_argument("unsupported element type");
}

template <class T>
View view_of(const T& array) {
    if (array.ndim() != 2 && array.ndim() != 3) throw std::invalid_argument("an image has two or three dimensions");
    View v;
    v.dtype = dtype_of(array);
    const int64_t size = kSizeOf[static_cast<int>(v.dtype)];
    v.data = static_cast<char*>(const_cast<void*>(static_cast<const void*>(array.data())));
    v.height = static_cast<int64_t>(array.shape(0));
    v.width = static_cast<int64_t>(array.shape(1));
    v.row = array.stride(0) * size;
    v.pixel = array.stride(1) * size;
    v.channels = array.ndim() == 3 ? static_cast<int64_t>(array.shape(2)) : 1;
    v.channel = array.ndim() == 3 ? array.stride(2) * size : size;
    return v;
}

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
            [](const Program& p, const Input& in, const Output& out, int border, double cval, int threads,
               int64_t begin) {
                const View source = view_of(in), target = view_of(out);
                const Border b = border_of(border);
                nb::gil_scoped_release release;
                p.run(source, target, b, cval, threads, begin);
            },
            "image"_a, "out"_a, "border"_a, "cval"_a, "threads"_a, "begin"_a = 0);

    m.def(
        "median",
        [](const Input& in, const Output& out, int size, int border, double cval, int threads) {
            const View source = view_of(in), target = view_of(out);
            const Border b = border_of(border);
            nb::gil_scoped_release release;
            median(source, target, size, b, cval, threads);
        },
        "image"_a, "out"_a, "size"_a, "border"_a, "cval"_a, "threads"_a);
    m.def(
        "bilateral",
        [](const Input& in, const Output& out, int diameter, double sigma_color, double sigma_space, int border,
           double cval, int threads) {
            const View source = view_of(in), target = view_of(out);
            const Border b = border_of(border);
            nb::gil_scoped_release release;
            bilateral(source, target, diameter, sigma_color, sigma_space, b, cval, threads);
        },
        "image"_a, "out"_a, "diameter"_a, "sigma_color"_a, "sigma_space"_a, "border"_a, "cval"_a, "threads"_a);
    m.def(
        "canny",
        [](const Input& in, const Output& out, double low, double high, int border, double cval, int threads) {
            const View source = view_of(in), target = view_of(out);
            const Border b = border_of(border);
            nb::gil_scoped_release release;
            canny(source, target, low, high, b, cval, threads);
        },
        "image"_a, "out"_a, "low"_a, "high"_a, "border"_a, "cval"_a, "threads"_a);
    m.def(
        "integral",
        [](const Input& in, const Output& out, int threads) {
            const View source = view_of(in), target = view_of(out);
            nb::gil_scoped_release release;
            integral(source, target, threads);
        },
        "image"_a, "out"_a, "threads"_a);
    m.def(
        "reduce_rows",
        [](const Input& in, const Output& out, const std::vector<double>& taps, int64_t step, int64_t first, int border,
           double cval, int threads) {
            const View source = view_of(in), target = view_of(out);
            const Border b = border_of(border);
            nb::gil_scoped_release release;
            reduce_rows(source, target, taps, step, first, b, cval, threads);
        },
        "image"_a, "out"_a, "taps"_a, "step"_a, "first"_a, "border"_a, "cval"_a, "threads"_a);
    m.def(
        "expand_rows",
        [](const Input& in, const Output& out, const std::vector<double>& taps, int64_t step, int64_t first,
           int threads) {
            const View source = view_of(in), target = view_of(out);
            nb::gil_scoped_release release;
            expand_rows(source, target, taps, step, first, threads);
        },
        "image"_a, "out"_a, "taps"_a, "step"_a, "first"_a, "threads"_a);
    bind_bank(m);
    bind_transposed(m);
}
