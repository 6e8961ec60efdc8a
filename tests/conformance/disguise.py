"""The same graph written otherwise: some nodes as a function that the model brings along, nodes in another order, nodes that
nothing needs."""
import onnx
from onnx import AttributeProto, helper


def reads(nodes):
    return {name for node in nodes for name in node.input if name}


def as_function(model, random):
    """Moves a run of nodes into a function, one of its attributes into the call."""
    nodes = list(model.graph.node)
    first = int(random.integers(len(nodes)))
    body = nodes[first:first + 1 + int(random.integers(3))]
    if any(attribute.type == AttributeProto.GRAPH for node in nodes for attribute in node.attribute):
        return  # what a branch reads from outside would have to become an input
    made = [name for node in body for name in node.output if name]
    rest = nodes[:first] + nodes[first + len(body):]
    inputs = sorted(reads(body) - set(made))
    outputs = [name for name in made if name in reads(rest) | {model.graph.output[0].name}]
    if not outputs:
        return
    call = helper.make_node("Body", inputs, outputs, domain="local", name="call")
    inner = [onnx.NodeProto.FromString(node.SerializeToString()) for node in body]
    names = []
    places = [a for node in inner for a in node.attribute if a.type in (AttributeProto.INT, AttributeProto.FLOAT, AttributeProto.INTS)]
    if places:
        attribute = places[int(random.integers(len(places)))]
        given = onnx.AttributeProto.FromString(attribute.SerializeToString())
        given.name = "moved"
        call.attribute.append(given)
        attribute.CopyFrom(AttributeProto(name=attribute.name, type=attribute.type, ref_attr_name="moved"))
        names = ["moved"]
    renamed = {name: f"f_{index}" for index, name in enumerate(inputs + made)}
    for node in inner:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    model.functions.append(helper.make_function("local", "Body", [renamed[i] for i in inputs], [renamed[o] for o in outputs], inner,
                                                [model.opset_import[0]], names))
    model.opset_import.append(helper.make_opsetid("local", 1))
    del model.graph.node[first:first + len(body)]
    model.graph.node.insert(first, call)


def add_unneeded(model):
    model.graph.node.insert(0, helper.make_node("NonZero", [model.graph.input[0].name], ["unneeded"]))
    model.graph.node.append(helper.make_node("Unheard", ["unneeded"], ["of"], domain="nowhere"))


def disguise(model, random):
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    if random.random() < 0.5:
        as_function(copy, random)
    if random.random() < 0.3:
        add_unneeded(copy)
    if random.random() < 0.3:
        shuffled = [copy.graph.node[i] for i in random.permutation(len(copy.graph.node))]
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in shuffled]
        del copy.graph.node[:]
        copy.graph.node.extend(nodes)
    return copy
