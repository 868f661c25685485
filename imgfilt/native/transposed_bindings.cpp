#include "transposed_bindings.hpp"

#include "real_arrays.hpp"
#include "transposed.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace imgfilt {
namespace {

void check_sizes(const Planes& p) {
    if (p.images < 1 || p.channels < 1 || p.height < 1 || p.width < 1) throw std::invalid_argument("an empty batch");
}

// An array (image, channel, row, column) as planes.
template <class A>
Planes planes_of(const A& array) {
    if (array.ndim() != 4) throw std::invalid_argument("a batch has four axes: image, channel, row, column");
    Planes p;
    p.dtype = real_type(array);
    p.data = first_byte(array);
    p.images = extent(array, 0);
    p.channels = extent(array, 1);
    p.height = extent(array, 2);
    p.width = extent(array, 3);
    p.image = byte_stride(array, 0);
    p.channel = byte_stride(array, 1);
    p.row = byte_stride(array, 2);
    p.pixel = byte_stride(array, 3);
    check_sizes(p);
    return p;
}

// Planes of some size without their elements, (images, channels, height, width).
Planes planes_of_size(const Four& sizes, int64_t itemsize) {
    Planes p;
    std::tie(p.images, p.channels, p.height, p.width) = sizes;
    p.dtype = real_type_of_size(itemsize);
    check_sizes(p);
    return p;
}

TransposedShape shape_of(int64_t kernel_height, int64_t kernel_width, const Pair& stride, const Pair& lacking,
                         const Pair& dilation, int64_t groups) {
    TransposedShape s;
    s.kernel_height = kernel_height;
    s.kernel_width = kernel_width;
    std::tie(s.stride_y, s.stride_x) = stride;
    std::tie(s.top, s.left) = lacking;
    std::tie(s.dilation_y, s.dilation_x) = dilation;
    s.groups = groups;
    if (s.kernel_height < 1 || s.kernel_width < 1 || s.stride_y < 1 || s.stride_x < 1 || s.top < 0 || s.left < 0 ||
        s.dilation_y < 1 || s.dilation_x < 1 || groups < 1)
        throw std::invalid_argument("strides, dilations and groups begin at 1, paddings at 0");
    return s;
}

TransposedMethod method_of(int method) {
    if (method < 0 || method > 2) throw std::invalid_argument("unknown method");
    return static_cast<TransposedMethod>(method);
}

}  // namespace

void bind_transposed(nb::module_& m) {
    m.def(
        "transposed",
        [](int method, const Input& x, const Input& weight, const std::optional<Input>& bias, const Output& out,
           const Pair& stride, const Pair& lacking, const Pair& dilation, int64_t groups, int threads) {
            if (weight.ndim() != 4) throw std::invalid_argument("weights have four axes");
            const TransposedShape s =
                shape_of(static_cast<int64_t>(weight.shape(2)), static_cast<int64_t>(weight.shape(3)), stride, lacking,
                         dilation, groups);
            const Planes in = planes_of(x), to = planes_of(out);
            if (in.dtype != to.dtype || in.images != to.images || in.channels % groups != 0 ||
                static_cast<int64_t>(weight.shape(0)) != in.channels ||
                static_cast<int64_t>(weight.shape(1)) * groups != to.channels)
                throw std::invalid_argument("input, weights and output do not fit each other");
            check_dense(weight, in.dtype);
            const void* const offsets = bias_of(bias, to.channels, to.dtype);
            const TransposedMethod how = method_of(method);
            nb::gil_scoped_release release;
            transposed(how, s, in, weight.data(), offsets, to, threads);
        },
        "method"_a, "x"_a, "weight"_a, "bias"_a.none(), "out"_a, "stride"_a, "lacking"_a, "dilation"_a, "groups"_a,
        "threads"_a);
    m.def(
        "transposed_workspace",
        [](int method, const Four& x, const Four& out, const Pair& kernel, const Pair& stride, const Pair& lacking,
           const Pair& dilation, int64_t groups, int64_t itemsize, int threads) {
            const TransposedShape s =
                shape_of(std::get<0>(kernel), std::get<1>(kernel), stride, lacking, dilation, groups);
            const Planes in = planes_of_size(x, itemsize), to = planes_of_size(out, itemsize);
            if (in.channels % groups != 0 || to.channels % groups != 0)
                throw std::invalid_argument("groups do not divide the channels");
            return transposed_workspace(method_of(method), s, in, to, threads);
        },
        "method"_a, "x"_a, "out"_a, "kernel"_a, "stride"_a, "lacking"_a, "dilation"_a, "groups"_a, "itemsize"_a,
        "threads"_a);
    m.def(
        "col2im",
        [](const Input& cols, const std::optional<Input>& bias, const Output& out, const Pair& stride,
           const Pair& lacking, const Pair& dilation) {
            if (cols.ndim() != 5) throw std::invalid_argument("cols have five axes: filter, tap, tap, row, column");
            const TransposedShape s = shape_of(static_cast<int64_t>(cols.shape(1)), static_cast<int64_t>(cols.shape(2)),
                                               stride, lacking, dilation, 1);
            const Planes to = planes_of(out);
            if (to.images != 1 || static_cast<int64_t>(cols.shape(0)) != to.channels)
                throw std::invalid_argument("cols and output do not fit each other");
            check_dense(cols, to.dtype);
            const void* const offsets = bias_of(bias, to.channels, to.dtype);
            const int64_t height = static_cast<int64_t>(cols.shape(3)), width = static_cast<int64_t>(cols.shape(4));
            nb::gil_scoped_release release;
            col2im(s, cols.data(), height, width, offsets, to);
        },
        "cols"_a, "bias"_a.none(), "out"_a, "stride"_a, "lacking"_a, "dilation"_a);
}

}  // namespace imgfilt
