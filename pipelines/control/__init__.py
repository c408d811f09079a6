"""Control: pictures that guide the drawing (ControlNet, Zhang et al. 2023).

`hints` makes the picture that a control network looks at, `guide` asks the networks at each call of the model, `layout`
knows how their tensors are called.
"""
